// Where each member stands after a round: what it has earned, how likely it stays, and whether it does.

import { el, scrolling, th } from "../dom.ts";
import { fixed } from "../model/format.ts";
import type { Round } from "../model/round.ts";
import type { Palette } from "./palette.ts";

export function standingTable(round: Round, palette: Palette): HTMLElement {
  const head = el(
    "tr",
    {},
    th("col", {}, "member"),
    th("col", { class: "number" }, "quality Q"),
    th("col", { class: "number" }, "keep p"),
  );
  const body = round.active.map((member, seat) => {
    const kept = round.keep?.[seat];
    const leaves = round.exits.some((exit) => exit.member === member);
    return el(
      "tr",
      {},
      th("row", {}, palette.chip(member, leaves ? el("span", { class: "mark out" }, "leaves") : null)),
      el("td", { class: "number" }, value(round.quality[seat])),
      el("td", { class: "number" }, value(kept)),
    );
  });
  return scrolling("Standing after the round", el("table", {}, el("thead", {}, head), el("tbody", {}, ...body)));
}

function value(known: number | undefined): string {
  return known === undefined ? "–" : fixed(known, 3);
}
