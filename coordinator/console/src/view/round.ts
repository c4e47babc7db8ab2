// One round, opened: what was proposed, what everyone thought of it, what was decided and who left.

import { type Child, el } from "../dom.ts";
import type { Answer } from "../model/answer.ts";
import { fixed, micros } from "../model/format.ts";
import type { Round } from "../model/round.ts";
import { decidedBy, exitReason, missed } from "../model/words.ts";
import { candidateList } from "./candidates.ts";
import type { Palette } from "./palette.ts";
import { scoreTable } from "./scores.ts";
import { standingTable } from "./standing.ts";

export interface RoundActions {
  readonly open: (round: number) => void;
  readonly close: () => void;
}

/** A panel for the round at this index of the answer's rounds. */
export function roundPanel(answer: Answer, at: number, palette: Palette, actions: RoundActions): HTMLElement {
  const round = answer.rounds[at];
  if (round === undefined) return el("section", { class: "card" });
  const panel = el(
    "section",
    { class: "card round", "aria-labelledby": "round-title" },
    header(answer, at, actions),
    facts(round, palette),
    ...(round.isTraced ? traced(round, answer, palette) : [el("p", { class: "dim" }, "This answer was not traced: no more is known.")]),
    ...events(round, palette),
  );
  panel.addEventListener("keydown", (event) => {
    if (event.key === "Escape") actions.close();
  });
  return panel;
}

function header(answer: Answer, at: number, actions: RoundActions): HTMLElement {
  const round = answer.rounds[at]?.round ?? 0;
  const step = (to: number, label: string, sign: string): HTMLElement => {
    const target = answer.rounds[to];
    const button = el("button", { type: "button", class: "icon", "aria-label": label, "data-tip": label, disabled: target === undefined }, sign);
    button.addEventListener("click", () => target !== undefined && actions.open(target.round));
    return button;
  };
  const close = el("button", { type: "button", class: "icon", "aria-label": "Close the round", "data-tip": "Close the round" }, "✕");
  close.addEventListener("click", actions.close);
  return el(
    "header",
    {},
    el("h2", { id: "round-title", tabindex: -1 }, `Round ${round}`, el("span", { class: "dim" }, ` of ${answer.rounds.length}`)),
    el("div", { class: "actions" }, step(at - 1, "Round before", "‹"), step(at + 1, "Next round", "›"), close),
  );
}

function facts(round: Round, palette: Palette): HTMLElement {
  const fact = (name: string, ...value: Child[]): HTMLElement => el("div", {}, el("dt", {}, name), el("dd", {}, ...value));
  const timed = round.isTraced
    ? [fact("drafting", micros(round.draftMicros)), fact("scoring", round.scoreMicros === 0 ? "none" : micros(round.scoreMicros))]
    : [];
  return el(
    "dl",
    { class: "facts" },
    fact("winner", round.winner === null ? "nobody" : palette.chip(round.winner)),
    fact("decided by", decidedBy(round.decidedBy)),
    ...timed,
    round.entropy === null ? null : fact("entropy", fixed(round.entropy, 3)),
  );
}

function traced(round: Round, answer: Answer, palette: Palette): Child[] {
  const scores = scoreTable(round, answer.scoreRule, palette);
  return [
    el("h3", {}, round.candidates.length === 0 ? "Drafts" : "Candidates"),
    candidateList(round, palette),
    scores === null ? null : el("h3", {}, "Scores"),
    scores,
    el("h3", {}, "After the round"),
    standingTable(round, palette),
  ];
}

function events(round: Round, palette: Palette): Child[] {
  const items: HTMLElement[] = [];
  const item = (kind: string, member: string, told: string): void => {
    items.push(el("li", { class: kind }, palette.chip(member), el("span", {}, told)));
  };
  for (const draft of round.drafts) {
    if (draft.outcome !== "drafted") item("warn", draft.member, `missed the draft (${missed(draft.outcome)}): ${draft.why}`);
    else if (draft.text === "" && !draft.finished) item("warn", draft.member, "drafted nothing");
  }
  for (const score of round.scores) {
    if (score.outcome === "failed") item("warn", score.member, `failed to score: ${score.why}`);
  }
  for (const exit of round.exits) {
    item("out", exit.member, `left: ${exitReason(exit.reason)}${exit.detail === "" ? "" : ` (${exit.detail})`}`);
  }
  for (const member of round.recalled) item("in", member, "is back from the next round on");
  return items.length === 0 ? [] : [el("h3", {}, "What happened"), el("ul", { class: "events" }, ...items)];
}
