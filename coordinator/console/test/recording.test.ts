// A recording, and what is shown of it.

import { deepEqual, equal, throws } from "node:assert/strict";
import { test } from "node:test";
import { segments } from "../src/model/answer.ts";
import { readRecording } from "../src/model/recording.ts";
import { roundJson } from "./rounds.ts";

const SEED = "18446744073709551615";

function recording(over: Record<string, unknown> = {}): string {
  return JSON.stringify({
    version: 1,
    request_id: "r-1",
    asked_at: "2026-01-02T03:04:05Z",
    ensemble: "default",
    strategy: "fuse",
    question: {
      prompt: { messages: [{ role: "user", content: "Why?" }] },
      max_tokens: 64,
      stop: ["\n"],
      sampling: { temperature: 0.699999988079071, top_p: null, top_k: 0, min_p: 0, seed: SEED, repetition_penalty: null, presence_penalty: 0, frequency_penalty: 0 },
    },
    members: ["a", "b", "c"].map((name) => ({ name, model: name, fingerprints: ["abc"] })),
    stages: [{ members: ["a", "b", "c"], policy: { score: "mean_prob" }, reads_proposals: false }],
    rounds: [
      roundJson({ text: "" }),
      roundJson({ round: 2, text: "Grüße", winner: "b", active: ["a", "b"], exits: [{ member: "a", reason: "quality", detail: "" }] }),
    ],
    ending: { reason: "stop", error: null, text: "!", completion_tokens: 7, total_micros: 9500 },
    ...over,
  });
}

test("the segments are those of the rounds with text, and what was held back is the last winner's", () => {
  const { answer } = readRecording(recording());
  deepEqual(segments(answer), [
    { text: "Grüße", author: "b", round: 2 },
    { text: "!", author: "b", round: 2 },
  ]);
});

test("who wrote how much is counted from the rounds", () => {
  const { usage, timing } = readRecording(recording()).answer;
  deepEqual([usage?.rounds, usage?.membersPerRound, usage?.completionTokens], [2, 2.5, 7]);
  deepEqual(usage?.members.map((share) => share.segmentsWon), [1, 1, 0]);
  deepEqual(usage?.members.map((share) => share.bytesWon), [0, 8, 0]);
  deepEqual(usage?.members.map((share) => share.draftedTokens), [6, 8, 0]);
  deepEqual(usage?.members.map((share) => share.scoredTokens), [6, 4, 0]);
  deepEqual(timing, { first: 12, total: 9.5 });
});

test("settings are shown as they were given, the seed to its last digit", () => {
  const { question, answer } = readRecording(recording());
  const settings = Object.fromEntries(question.settings);
  deepEqual([settings["temperature"], settings["seed"], settings["stop"]], ["0.7", SEED, '"\\n"']);
  equal(answer.scoreRule, "mean_prob");
});

test("a raw prompt is a message of nobody", () => {
  const sampling = { temperature: 0, seed: "1" };
  const raw = recording({ question: { prompt: { raw: "Once" }, max_tokens: 1, stop: [], sampling } });
  deepEqual(readRecording(raw).question.messages, [{ role: "", content: "Once" }]);
});

test("an answer whose client left has no end, and is counted by what there is", () => {
  const { answer } = readRecording(recording({ ending: null }));
  deepEqual([answer.ending?.reason, answer.usage, answer.timing.total], ["the client left", null, null]);
});

test("what is no recording is refused, with the place", () => {
  throws(() => readRecording("{"), /not JSON/);
  throws(() => readRecording("[]"), /this is not an object/);
  throws(() => readRecording(recording({ version: 2 })), /version is 2/);
  throws(() => readRecording(recording({ rounds: [roundJson({ quality: ["x"] })] })), /rounds\[0\]\.quality\[0\] is not a number/);
});
