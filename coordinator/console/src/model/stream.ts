// The chunks of a streamed answer, taken in one by one.

import { type Answer, meet } from "./answer.ts";
import { Reader } from "./reader.ts";
import { readExit, readRound, type Round } from "./round.ts";
import { readUsage } from "./usage.ts";

/** An error that came in the middle of a stream. What was said before it stands. */
export class StreamFailed extends Error {
  override name = "StreamFailed";
}

const ID_PREFIX = "chatcmpl-";
const DONE = "[DONE]";

/** Takes in one event's payload; `now` is in milliseconds since the question. True: it was the last one. */
export function take(answer: Answer, payload: string, now: number): boolean {
  if (payload === DONE) return true;
  const chunk = Reader.parse(payload);
  if (chunk.has("error")) throw new StreamFailed(chunk.field("error").field("message").text());
  answer.id ||= chunk.field("id").text().replace(ID_PREFIX, "");
  if (chunk.has("usage")) answer.usage = readUsage(chunk.field("usage"));
  for (const choice of chunk.field("choices").list((it) => it)) takeChoice(answer, chunk, choice, now);
  return false;
}

function takeChoice(answer: Answer, chunk: Reader, choice: Reader, now: number): void {
  const text = choice.field("delta").field("content").optional((it) => it.text()) ?? "";
  if (text !== "") answer.timing.first ??= now;
  const round = chunk.has("specfuse") ? readTold(chunk.field("specfuse"), text) : null;
  if (round !== null && !answer.rounds.some((known) => known.round === round.round)) {
    meet(answer, round.active);
    answer.rounds.push(round);
  } else {
    answer.rest += text;
  }
  const reason = choice.field("finish_reason").optional((it) => it.text());
  if (reason !== null) answer.ending = { reason, error: null };
}

/** Without a trace there is only what every chunk tells. */
function readTold(told: Reader, text: string): Round | null {
  if (told.has("trace")) return { ...readRound(told.field("trace")), text };
  if (!told.has("round")) return null;
  return {
    round: told.field("round").number(),
    stage: 0,
    text,
    active: told.field("active").texts(),
    drafts: [],
    candidates: [],
    scores: [],
    winningCandidate: null,
    winner: told.field("winner").optional((it) => it.text()),
    decidedBy: told.field("decided_by").text(),
    weights: null,
    keep: null,
    quality: [],
    entropy: null,
    exits: told.field("exits").list(readExit),
    recalled: [],
    draftMicros: 0,
    scoreMicros: 0,
    isTraced: false,
  };
}
