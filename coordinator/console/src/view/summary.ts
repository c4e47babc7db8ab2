// What the answer took, and who wrote how much of it.

import { el, scrolling, th } from "../dom.ts";
import type { Answer } from "../model/answer.ts";
import { count, decimal, fixed, millis, percent } from "../model/format.ts";
import type { Share, Usage } from "../model/usage.ts";
import type { Palette } from "./palette.ts";

export function summary(answer: Answer, usage: Usage, palette: Palette): HTMLElement {
  const { first, total } = answer.timing;
  const rate = total === null || total === 0 ? "–" : decimal((usage.completionTokens * 1000) / total);
  const prompt = usage.promptTokens === null ? null : figure("prompt tokens", count(usage.promptTokens));
  return el(
    "div",
    { class: "summary" },
    el(
      "dl",
      { class: "figures" },
      figure("rounds", count(usage.rounds)),
      figure("members / round", usage.membersPerRound === null ? "–" : fixed(usage.membersPerRound, 2)),
      figure("answer tokens", count(usage.completionTokens)),
      prompt,
      figure("first segment", first === null ? "–" : millis(first)),
      figure("tokens/s", rate),
      figure("whole answer", total === null ? "–" : millis(total)),
      figure("draft, score calls", `${count(usage.draftCalls)}, ${count(usage.scoreCalls)}`),
    ),
    bar(usage.members, palette),
    shares(usage.members, palette),
  );
}

function figure(name: string, value: string): HTMLElement {
  return el("div", {}, el("dt", {}, name), el("dd", {}, value));
}

function bar(members: readonly Share[], palette: Palette): HTMLElement {
  const all = members.reduce((sum, share) => sum + share.bytesWon, 0);
  const parts = members.filter((share) => share.bytesWon > 0).map((share) => {
    const told = `${share.member} wrote ${percent(share.bytesWon / all)}`;
    const part = el("span", { class: palette.colour(share.member), "data-tip": told });
    part.style.flexGrow = String(share.bytesWon);
    return part;
  });
  return el("div", { class: "shares", "aria-hidden": "true" }, ...parts);
}

function shares(members: readonly Share[], palette: Palette): HTMLElement {
  const all = members.reduce((sum, share) => sum + share.bytesWon, 0);
  const isComputedKnown = members.some((share) => share.computedTokens !== null);
  const number = (name: string): HTMLElement => th("col", { class: "number" }, name);
  const cell = (value: string): HTMLElement => el("td", { class: "number" }, value);
  const head = el(
    "tr",
    {},
    th("col", {}, "who wrote it"),
    number("share"),
    number("segments"),
    number("drafted"),
    number("scored"),
    isComputedKnown ? number("computed") : null,
    isComputedKnown ? number("cached") : null,
  );
  const body = members.map((share) =>
    el(
      "tr",
      {},
      th("row", {}, palette.chip(share.member)),
      cell(all === 0 ? "–" : percent(share.bytesWon / all)),
      cell(count(share.segmentsWon)),
      cell(count(share.draftedTokens)),
      cell(count(share.scoredTokens)),
      isComputedKnown ? cell(count(share.computedTokens ?? 0)) : null,
      isComputedKnown ? cell(count(share.cachedTokens ?? 0)) : null,
    ),
  );
  const table = el("table", {}, el("thead", {}, head), el("tbody", {}, ...body));
  return el("div", {}, scrolling("Who wrote how much", table), el("p", { class: "note" }, isComputedKnown ? "Drafted, scored, computed and cached are tokens." : "Drafted and scored are tokens."));
}
