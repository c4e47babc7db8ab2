// The score table as a heat map: rows are scorers, columns candidates, and the last row is what they were ranked by.

import { el, scrolling, th } from "../dom.ts";
import { fixed } from "../model/format.ts";
import { type Cell, heat, type HeatRow } from "../model/heat.ts";
import type { Round } from "../model/round.ts";
import type { Palette } from "./palette.ts";

/** Null: nothing told the candidates apart. */
export function scoreTable(round: Round, rule: string | null, palette: Palette): HTMLElement | null {
  const { rows, aggregate } = heat(round, rule);
  if (rows.length === 0 && aggregate === null) return null;
  const weighted = rows.some((row) => row.weight !== null);
  const head = el(
    "tr",
    {},
    th("col", {}, "scorer"),
    weighted ? th("col", { class: "number" }, "weight") : null,
    ...round.candidates.map((candidate, at) => column(at, candidate.authors, at === round.winningCandidate, palette)),
  );
  const body = rows.map((row) => scorer(row, weighted, round, palette));
  const foot = aggregate === null ? null : el("tfoot", {}, total(round, aggregate, weighted));
  const table = el("table", { class: "heat" }, el("thead", {}, head), el("tbody", {}, ...body), foot);
  const legend = el("p", { class: "note" }, note(round, rule));
  return el("div", {}, scrolling("Scores", table), legend);
}

function column(at: number, authors: readonly string[], hasWon: boolean, palette: Palette): HTMLElement {
  return th(
    "col",
    { class: hasWon ? "number won" : "number", "aria-label": `candidate ${at + 1}, by ${authors.join(", ")}${hasWon ? ", winner" : ""}` },
    el("span", {}, `${at + 1}`),
    ...authors.map((author) => palette.badge(author)),
  );
}

function scorer(row: HeatRow, weighted: boolean, round: Round, palette: Palette): HTMLElement {
  const weight = weighted ? el("td", { class: "number dim" }, row.weight === null ? "–" : fixed(row.weight, 3)) : null;
  const cells =
    row.cells === null
      ? [el("td", { class: "abstained", colspan: Math.max(1, round.candidates.length) }, row.why)]
      : row.cells.map((cell, at) => shaded(cell, at === round.winningCandidate));
  return el("tr", {}, th("row", {}, palette.chip(row.member)), weight, ...cells);
}

function total(round: Round, aggregate: readonly Cell[], weighted: boolean): HTMLElement {
  return el(
    "tr",
    {},
    th("row", { colspan: weighted ? 2 : 1 }, round.decidedBy === "majority" ? "members that agree" : "aggregate"),
    ...aggregate.map((cell, at) => shaded(cell, at === round.winningCandidate, round.decidedBy === "majority" ? 0 : 3)),
  );
}

function shaded(cell: Cell, hasWon: boolean, digits = 3): HTMLElement {
  const text = cell.value === null ? "–" : fixed(cell.value, digits);
  const element = el("td", { class: `number${cell.isBest ? " best" : ""}${hasWon ? " won" : ""}` }, text);
  element.style.setProperty("--shade", `${Math.round(cell.shade * 100)}%`);
  return element;
}

function note(round: Round, rule: string | null): string {
  if (round.decidedBy === "majority") return "How many members came to the same final answer.";
  if (round.scores.length === 0) return "Ranked by the author’s mean log-probability of all that it has drafted; nobody was asked to score.";
  const unit = rule === "mean_prob" ? "Mean probability of the candidate’s tokens" : "Mean log-probability of the candidate’s tokens";
  return `${unit}, shaded by the probability that it stands for. Bold: the best of its row.`;
}
