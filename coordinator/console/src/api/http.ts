// Calls to the coordinator that served this page, with the key where there is one, and their errors in words.

import { sentence } from "../model/format.ts";
import { Reader, Unreadable } from "../model/reader.ts";
import { askForKey, key } from "./key.ts";

/** The coordinator refused, and said why. */
export class Refused extends Error {
  override name = "Refused";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The coordinator does not answer. */
export class Unreachable extends Error {
  override name = "Unreachable";
}

/** Asks for a key where one is needed, and calls again with it. */
export async function call(path: string, init: RequestInit = {}): Promise<Response> {
  for (;;) {
    const shown = key();
    const response = await send(path, init, shown);
    if (response.ok) return response;
    const refused = await refusal(response);
    if (refused.status !== 401) throw refused;
    // Another call may have been given a new key meanwhile.
    const isStale = key() !== shown;
    if (!isStale && !(await askForKey(refused.message))) throw refused;
  }
}

async function send(path: string, init: RequestInit, shown: string | null): Promise<Response> {
  const headers = new Headers(init.headers);
  try {
    if (shown !== null) headers.set("Authorization", `Bearer ${shown}`);
    return await fetch(path, { ...init, headers, cache: "no-store" });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Unreachable("The coordinator does not answer.");
  }
}

async function refusal(response: Response): Promise<Refused> {
  const body = await response.text();
  try {
    return new Refused(response.status, Reader.parse(body).field("error").field("message").text());
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return new Refused(response.status, body === "" ? `HTTP status ${response.status}` : body.slice(0, 300));
  }
}

/** An error as a person reads it. */
export function inWords(error: unknown): string {
  if (error instanceof Refused) {
    const after = error.status === 429 ? " Try again in a moment." : "";
    return `${sentence(error.message)}${after} (HTTP ${error.status})`;
  }
  if (error instanceof Unreadable) return `The coordinator sent something that this page cannot read: ${error.message}.`;
  return sentence(error instanceof Error ? error.message : String(error));
}
