// What one round was decided from: read from the trace of a stream, or from a recording; both write it alike.

import type { Reader } from "./reader.ts";

export interface Round {
  readonly round: number;
  readonly stage: number;
  /** What was shown in this round. */
  readonly text: string;
  readonly active: readonly string[];
  readonly drafts: readonly Draft[];
  readonly candidates: readonly Candidate[];
  readonly scores: readonly Score[];
  readonly winningCandidate: number | null;
  readonly winner: string | null;
  readonly decidedBy: string;
  /** These and quality have one value for each active member. */
  readonly weights: readonly number[] | null;
  readonly keep: readonly number[] | null;
  readonly quality: readonly number[];
  readonly entropy: number | null;
  readonly exits: readonly Exit[];
  readonly recalled: readonly string[];
  readonly draftMicros: number;
  readonly scoreMicros: number;
  /** False: only what every stream tells of a round is known. */
  readonly isTraced: boolean;
}

export type Draft =
  | {
      readonly outcome: "drafted";
      readonly member: string;
      readonly text: string;
      readonly finished: boolean;
      readonly tokens: number;
      readonly logprobs: readonly number[];
      readonly computed: number;
      readonly cached: number;
    }
  | { readonly outcome: "failed" | "context_full" | "refused"; readonly member: string; readonly why: string };

export interface Candidate {
  readonly text: string;
  readonly finished: boolean;
  readonly authors: readonly string[];
  readonly aggregate: number | null;
}

export type Score =
  /** `means` has one value for each candidate; empty: the row was not counted. */
  | { readonly outcome: "scored"; readonly member: string; readonly means: readonly number[]; readonly tokens: readonly number[] }
  | { readonly outcome: "abstained" | "failed"; readonly member: string; readonly why: string };

export interface Exit {
  readonly member: string;
  readonly reason: string;
  readonly detail: string;
}

export function readRound(from: Reader): Round {
  return {
    round: from.field("round").number(),
    stage: from.field("stage").number(),
    text: from.field("text").text(),
    active: from.field("active").texts(),
    drafts: from.field("drafts").list(readDraft),
    candidates: from.field("candidates").list(readCandidate),
    scores: from.field("scores").list(readScore),
    winningCandidate: from.field("winning_candidate").optional((it) => it.number()),
    winner: from.field("winner").optional((it) => it.text()),
    decidedBy: from.field("decided_by").text(),
    weights: from.field("weights").optional((it) => it.numbers()),
    keep: from.field("keep").optional((it) => it.numbers()),
    quality: from.field("quality").numbers(),
    entropy: from.field("entropy").optional((it) => it.number()),
    exits: from.field("exits").list(readExit),
    recalled: from.field("recalled").texts(),
    draftMicros: from.field("draft_micros").number(),
    scoreMicros: from.field("score_micros").number(),
    isTraced: true,
  };
}

export function readExit(from: Reader): Exit {
  return {
    member: from.field("member").text(),
    reason: from.field("reason").text(),
    detail: from.field("detail").optional((it) => it.text()) ?? "",
  };
}

function readDraft(from: Reader): Draft {
  const member = from.field("member").text();
  const outcome = from.field("outcome").text();
  if (outcome === "failed" || outcome === "context_full" || outcome === "refused") {
    return { outcome, member, why: from.field("why").text() };
  }
  return {
    outcome: "drafted",
    member,
    text: from.field("text").text(),
    finished: from.field("finished").boolean(),
    tokens: from.field("tokens").number(),
    // JSON has no infinities: they come as null.
    logprobs: from.field("token_logprobs").list((it) => it.optional((value) => value.number())).filter((value) => value !== null),
    computed: from.field("tokens_computed").number(),
    cached: from.field("tokens_cached").number(),
  };
}

function readCandidate(from: Reader): Candidate {
  return {
    text: from.field("text").text(),
    finished: from.field("finished").boolean(),
    authors: from.field("authors").texts(),
    aggregate: from.field("aggregate").optional((it) => it.number()),
  };
}

function readScore(from: Reader): Score {
  const member = from.field("member").text();
  const outcome = from.field("outcome").text();
  if (outcome === "abstained" || outcome === "failed") return { outcome, member, why: from.field("why").text() };
  return {
    outcome: "scored",
    member,
    means: from.field("means").numbers(),
    tokens: from.field("terms").list((terms) => terms.list((term) => term).length),
  };
}
