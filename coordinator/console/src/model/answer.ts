// An answer as it is shown, whether it is still being written or was recorded.

import type { Round } from "./round.ts";
import type { Usage } from "./usage.ts";

export interface Answer {
  /** The request's id; empty until the first chunk is there. */
  id: string;
  ensemble: string;
  strategy: string;
  /** Everyone who has a seat, in their order: it fixes their colours. */
  members: string[];
  rounds: Round[];
  /** Held back until the end; the last winner wrote it. */
  rest: string;
  ending: Ending | null;
  /** Told by the coordinator; a recording has none. */
  usage: Usage | null;
  /** "mean_logprob" or "mean_prob"; null where it is not known. */
  scoreRule: string | null;
  timing: Timing;
}

export interface Ending {
  /** "stop", "length" or "failed". */
  readonly reason: string;
  readonly error: string | null;
}

/** Milliseconds since the question. */
export interface Timing {
  first: number | null;
  total: number | null;
}

export function emptyAnswer(): Answer {
  return {
    id: "",
    ensemble: "",
    strategy: "",
    members: [],
    rounds: [],
    rest: "",
    ending: null,
    usage: null,
    scoreRule: null,
    timing: { first: null, total: null },
  };
}

/** Members that are met for the first time come last. */
export function meet(answer: Answer, members: Iterable<string>): void {
  for (const member of members) {
    if (!answer.members.includes(member)) answer.members.push(member);
  }
}

/** A text and who wrote it. */
export interface Segment {
  readonly text: string;
  readonly author: string | null;
  readonly round: number;
}

export function segments(answer: Answer): Segment[] {
  const shown: Segment[] = answer.rounds
    .filter((round) => round.text !== "")
    .map((round) => ({ text: round.text, author: round.winner, round: round.round }));
  const last = answer.rounds.findLast((round) => round.winner !== null);
  if (answer.rest !== "") shown.push({ text: answer.rest, author: last?.winner ?? null, round: last?.round ?? 0 });
  return shown;
}
