// Rounds to test with, in the coordinator's own JSON.

import { Reader } from "../src/model/reader.ts";
import { readRound, type Round } from "../src/model/round.ts";

type Json = Record<string, unknown>;

/** Two candidates of three members; what is given replaces what is here. */
export function roundJson(over: Json = {}): Json {
  return {
    round: 1,
    stage: 0,
    text: "Eins",
    active: ["a", "b", "c"],
    drafts: [
      drafted("a", "Eins", 3),
      drafted("b", "Zwei", 4),
      { member: "c", outcome: "failed", why: "late" },
    ],
    candidates: [
      { text: "Eins", finished: false, authors: ["a"], aggregate: -0.5 },
      { text: "Zwei", finished: false, authors: ["b"], aggregate: -1.25 },
    ],
    scores: [
      { member: "a", outcome: "scored", terms: [[-0.5, -0.5], [-2]], means: [-0.5, -2] },
      { member: "b", outcome: "scored", terms: [[-0.5], [-0.5]], means: [-0.5, -0.5] },
      { member: "c", outcome: "abstained", why: "its terms are not finite" },
    ],
    winning_candidate: 0,
    winner: "a",
    decided_by: "scores",
    weights: null,
    entropy: 0.9,
    keep: [0.5, 0.3, 0.2],
    quality: [0.6, 0.3, 0.1],
    exits: [],
    recalled: [],
    draft_micros: 4000,
    score_micros: 2000,
    ...over,
  };
}

export function round(over: Json = {}): Round {
  return readRound(new Reader(roundJson(over)));
}

function drafted(member: string, text: string, tokens: number): Json {
  const token_logprobs = Array.from({ length: tokens }, () => -0.25);
  return { member, outcome: "drafted", text, finished: false, tokens, token_logprobs, tokens_computed: 9, tokens_cached: 0 };
}
