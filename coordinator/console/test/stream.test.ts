// The chunks of a streamed answer.

import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { test } from "node:test";
import { emptyAnswer, segments } from "../src/model/answer.ts";
import { take } from "../src/model/stream.ts";
import { countUsage } from "../src/model/usage.ts";
import { roundJson } from "./rounds.ts";

function chunk(content: string, specfuse: unknown, finish: string | null = null): string {
  const choices = [{ index: 0, delta: { content }, logprobs: null, finish_reason: finish }];
  return JSON.stringify({ id: "chatcmpl-r-1", object: "chat.completion.chunk", choices, specfuse });
}

function told(round: number, winner: string | null): Record<string, unknown> {
  return { round, winner, active: ["a", "b"], exits: [{ member: "b", reason: "quality" }], decided_by: "scores" };
}

test("a traced answer grows round by round to its end", () => {
  const answer = emptyAnswer();
  ok(!take(answer, chunk("", { ...told(1, "a"), trace: roundJson({ text: "" }) }), 5));
  ok(!take(answer, chunk("Eins", { ...told(2, "a"), trace: roundJson({ round: 2 }) }), 9));
  ok(!take(answer, chunk(".", undefined, "stop"), 12));
  ok(take(answer, "[DONE]", 12));
  deepEqual([answer.id, answer.ending?.reason, answer.timing.first], ["r-1", "stop", 9]);
  deepEqual(segments(answer).map((segment) => segment.text), ["Eins", "."]);
  deepEqual(answer.members, ["a", "b", "c"]);
});

test("an answer without traces still says who wrote what", () => {
  const answer = emptyAnswer();
  take(answer, chunk("Eins", told(1, "a")), 1);
  deepEqual([answer.rounds[0]?.isTraced, answer.rounds[0]?.winner, answer.rounds[0]?.exits[0]?.member], [false, "a", "b"]);
});

test("an answer that was broken off is counted by its rounds", () => {
  const answer = emptyAnswer();
  take(answer, chunk("Eins", { ...told(1, "a"), trace: roundJson() }), 1);
  const usage = countUsage(answer);
  deepEqual([usage.completionTokens, usage.rounds, usage.draftCalls, usage.scoreCalls], [3, 1, 3, 3]);
});

test("an error in the middle is told, and what was said stands", () => {
  const answer = emptyAnswer();
  take(answer, chunk("Eins", told(1, "a")), 1);
  throws(() => take(answer, '{"error":{"message":"no member is left"}}', 2), /no member is left/);
  equal(segments(answer)[0]?.text, "Eins");
});
