// Who is who: the colour and the letter of each member, and whether it still takes part.

import { el } from "../dom.ts";
import type { Answer } from "../model/answer.ts";
import type { Palette } from "./palette.ts";

export function legend(answer: Answer, palette: Palette): HTMLElement {
  const last = answer.rounds.at(-1);
  const isOver = answer.ending !== null;
  // Members that a strategy does not use are nobody here.
  const used = answer.members.filter((member) => last === undefined || answer.rounds.some((known) => known.active.includes(member)));
  const items = used.map((member) => {
    const round = answer.rounds.findLast((known) => known.exits.some((exit) => exit.member === member));
    const isBack = answer.rounds.some((known) => round !== undefined && known.round > round.round && known.active.includes(member));
    const hasLeft = round !== undefined && !isBack;
    const state = hasLeft ? `left in round ${round.round}` : last?.active.includes(member) === true && !isOver ? "active" : "";
    return el("li", { class: hasLeft ? "left" : undefined }, palette.chip(member, el("span", { class: "dim" }, state)));
  });
  return el("ul", { class: "legend", "aria-label": "Members" }, ...items);
}
