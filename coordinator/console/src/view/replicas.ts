// One worker: where it is, what it computes, and how busy it is.

import { type Child, el, th } from "../dom.ts";
import type { Description, Worker } from "../model/cluster.ts";
import { count, large, percent } from "../model/format.ts";

/** The titles, and whether numbers stand under them. */
export const REPLICA_COLUMNS: readonly (readonly [string, boolean])[] = [
  ["worker", false],
  ["state", false],
  ["calls", true],
  ["sequences", true],
  ["waiting", true],
  ["cache", false],
  ["engine steps", true],
  ["model", false],
  ["fingerprint", false],
];

const FINGERPRINT_SHOWN = 12;

/** Where it has an error, a second row says which. */
export function replicaRows(worker: Worker): HTMLElement[] {
  const { description } = worker;
  const load = description?.load ?? null;
  const number = (value: number | undefined): HTMLElement => el("td", { class: "number" }, value === undefined ? "–" : count(value));
  const row = el(
    "tr",
    {},
    th("row", { class: "endpoint" }, worker.endpoint),
    el("td", {}, state(worker)),
    number(worker.callsInFlight),
    number(load?.liveSequences),
    number(load?.waitingCalls),
    el("td", {}, ...cache(description)),
    number(load?.engineSteps),
    el("td", { class: "facts-cell" }, ...(description === null ? ["–"] : facts(description))),
    el("td", {}, fingerprint(description)),
  );
  if (worker.error === "") return [row];
  return [row, el("tr", { class: "why" }, el("td"), el("td", { colspan: REPLICA_COLUMNS.length - 1 }, worker.error))];
}

function state(worker: Worker): HTMLElement {
  const kind = worker.state === "ready" ? "win" : worker.state === "unreachable" ? "out" : "";
  return el("span", { class: `mark ${kind}` }, worker.state);
}

function cache(description: Description | null): Child[] {
  if (description?.load === null || description === null) return ["–"];
  const { cacheTokens, load } = description;
  const part = cacheTokens === 0 ? 0 : load.cachedTokens / cacheTokens;
  const bar = el("span", { class: "meter", "aria-hidden": "true" }, el("span", {}));
  bar.style.setProperty("--part", `${Math.min(100, part * 100)}%`);
  return [el("div", { class: "cache" }, bar, el("span", {}, `${large(load.cachedTokens)} of ${large(cacheTokens)}`, el("span", { class: "dim" }, ` ${percent(part)}`)))];
}

function facts(description: Description): Child[] {
  const { family, parameters, contextLength, dtype, device, build } = description;
  const line = (...told: string[]): HTMLElement => el("div", {}, told.filter((fact) => fact !== "").join(" · "));
  return [
    line(family, `${large(parameters)} parameters`, `context ${count(contextLength)}`),
    line(dtype, device, build === "" ? "" : `build ${build}`),
  ];
}

function fingerprint(description: Description | null): HTMLElement | string {
  if (description === null || description.fingerprint === "") return "–";
  return el("code", { "data-tip": description.fingerprint }, description.fingerprint.slice(0, FINGERPRINT_SHOWN));
}
