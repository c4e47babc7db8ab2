// Recordings: fetched as the text that the coordinator keeps, and saved to a file unchanged.

import { el } from "../dom.ts";
import { call } from "./http.ts";

export async function fetchRecording(id: string, stop?: AbortSignal): Promise<string> {
  const response = await call(`/v1/specfuse/recordings/${encodeURIComponent(id)}`, stop === undefined ? {} : { signal: stop });
  return response.text();
}

export function save(id: string, json: string): void {
  const url = URL.createObjectURL(new Blob([json], { type: "application/json" }));
  el("a", { href: url, download: `specfuse-${id}.json` }).click();
  URL.revokeObjectURL(url);
}
