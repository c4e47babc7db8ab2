// The candidates of a round, with their authors and how sure each author was.

import { el } from "../dom.ts";
import { fixed, many } from "../model/format.ts";
import type { Candidate, Round } from "../model/round.ts";
import type { Palette } from "./palette.ts";

export function candidateList(round: Round, palette: Palette): HTMLElement {
  const shown = round.candidates.length === 0 ? proposals(round) : round.candidates;
  if (shown.length === 0) return el("p", { class: "dim" }, "There were none.");
  const items = shown.map((candidate, at) => item(round, candidate, at === round.winningCandidate, palette));
  return el("ol", { class: "candidates" }, ...items);
}

/** A round that only gathers drafts, for a later one to read, has no candidates. */
function proposals(round: Round): Candidate[] {
  return round.drafts.flatMap((draft) =>
    draft.outcome === "drafted" && (draft.text !== "" || draft.finished)
      ? [{ text: draft.text, finished: draft.finished, authors: [draft.member], aggregate: null }]
      : [],
  );
}

function item(round: Round, candidate: Candidate, hasWon: boolean, palette: Palette): HTMLElement {
  const authors = candidate.authors.map((author) => palette.chip(author, el("span", { class: "dim" }, own(round, author))));
  return el(
    "li",
    { class: hasWon ? `won ${palette.colour(round.winner)}` : undefined },
    el(
      "div",
      { class: "draft" },
      candidate.text === "" ? el("span", { class: "dim" }, "no more text") : el("q", {}, candidate.text),
      candidate.finished ? el("span", { class: "mark" }, "ends the answer") : null,
      hasWon ? el("span", { class: "mark win" }, "winner") : null,
    ),
    el("div", { class: "authors" }, ...authors),
  );
}

/** What the author itself made of its draft. */
function own(round: Round, author: string): string {
  const draft = round.drafts.find((drafted) => drafted.member === author);
  if (draft?.outcome !== "drafted") return "";
  const { logprobs } = draft;
  const tokens = many(draft.tokens, "token");
  if (logprobs.length === 0) return tokens;
  return `${tokens} · own mean ${fixed(logprobs.reduce((sum, value) => sum + value, 0) / logprobs.length, 3)}`;
}
