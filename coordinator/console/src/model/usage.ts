// What an answer cost and who wrote it: as the coordinator tells it, or counted from the rounds where it does not.

import { type Answer, segments } from "./answer.ts";
import type { Reader } from "./reader.ts";
import type { Round } from "./round.ts";

export interface Usage {
  /** Null where it was not told. */
  readonly promptTokens: number | null;
  readonly completionTokens: number;
  readonly rounds: number;
  readonly membersPerRound: number | null;
  readonly draftCalls: number;
  readonly scoreCalls: number;
  readonly members: readonly Share[];
}

export interface Share {
  readonly member: string;
  readonly segmentsWon: number;
  readonly bytesWon: number;
  readonly draftedTokens: number;
  readonly scoredTokens: number;
  /** Null where it was not told. */
  readonly computedTokens: number | null;
  readonly cachedTokens: number | null;
}

export function readUsage(from: Reader): Usage {
  const told = from.field("specfuse");
  return {
    promptTokens: from.field("prompt_tokens").number(),
    completionTokens: from.field("completion_tokens").number(),
    rounds: told.field("rounds").number(),
    membersPerRound: told.field("members_per_round").optional((it) => it.number()),
    draftCalls: told.field("draft_calls").number(),
    scoreCalls: told.field("score_calls").number(),
    members: told.field("members").list((member) => ({
      member: member.field("member").text(),
      segmentsWon: member.field("segments_won").number(),
      bytesWon: member.field("bytes_won").number(),
      draftedTokens: member.field("drafted_tokens").number(),
      scoredTokens: member.field("scored_tokens").number(),
      computedTokens: member.field("tokens_computed").number(),
      cachedTokens: member.field("tokens_cached").number(),
    })),
  };
}

/** All rounds count, also those that gather drafts for a later one, and of each the tokens that its winner drafted. */
export function countUsage(answer: Answer): Usage {
  const { rounds } = answer;
  const seats = rounds.reduce((sum, round) => sum + round.active.length, 0);
  const rows = rounds.flatMap((round) => round.scores);
  return {
    promptTokens: null,
    completionTokens: rounds.reduce((sum, round) => sum + wonTokens(round), 0),
    rounds: rounds.length,
    membersPerRound: rounds.length === 0 ? null : seats / rounds.length,
    draftCalls: rounds.reduce((sum, round) => sum + round.drafts.length, 0),
    scoreCalls: rows.length,
    members: answer.members.map((member) => shareOf(answer, member)),
  };
}

function wonTokens(round: Round): number {
  const draft = round.drafts.find((drafted) => drafted.member === round.winner);
  return draft?.outcome === "drafted" ? draft.tokens : 0;
}

function shareOf(answer: Answer, member: string): Share {
  const drafts = answer.rounds.flatMap((round) => round.drafts.filter((draft) => draft.member === member));
  const rows = answer.rounds.flatMap((round) => round.scores.filter((score) => score.member === member));
  const written = segments(answer).filter((segment) => segment.author === member);
  return {
    member,
    segmentsWon: answer.rounds.filter((round) => round.winner === member).length,
    bytesWon: new TextEncoder().encode(written.map((segment) => segment.text).join("")).length,
    draftedTokens: drafts.reduce((sum, draft) => sum + (draft.outcome === "drafted" ? draft.tokens : 0), 0),
    scoredTokens: rows.reduce(
      (sum, row) => sum + (row.outcome === "scored" ? row.tokens.reduce((tokens, count) => tokens + count, 0) : 0),
      0,
    ),
    computedTokens: null,
    cachedTokens: null,
  };
}
