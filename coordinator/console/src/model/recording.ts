// A recording, read and turned into an answer that is shown like any other.

import { type Answer, emptyAnswer, meet } from "./answer.ts";
import { Reader, Unreadable } from "./reader.ts";
import { readRound } from "./round.ts";
import { countUsage } from "./usage.ts";

const VERSION = 1;

export interface Recording {
  readonly answer: Answer;
  readonly askedAt: string;
  readonly question: Question;
  readonly members: readonly Seat[];
  readonly stages: readonly Stage[];
}

export interface Question {
  /** A raw prompt is one message without a role. */
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  /** As name and value. */
  readonly settings: readonly (readonly [string, string])[];
}

export interface Seat {
  readonly name: string;
  readonly model: string;
  readonly fingerprints: readonly string[];
}

export interface Stage {
  readonly members: readonly string[];
  readonly policy: unknown;
  readonly readsProposals: boolean;
}

export function readRecording(json: string): Recording {
  const from = Reader.parse(json);
  const version = from.field("version").number();
  if (version !== VERSION) throw new Unreadable(`its version is ${version}; this page reads version ${VERSION}`);
  const members = from.field("members").list((member) => ({
    name: member.field("name").text(),
    model: member.field("model").text(),
    fingerprints: member.field("fingerprints").texts(),
  }));
  const stages = from.field("stages").list((stage) => ({
    members: stage.field("members").texts(),
    policy: stage.field("policy").raw,
    readsProposals: stage.field("reads_proposals").boolean(),
  }));
  return {
    answer: readAnswer(from, members.map((member) => member.name)),
    askedAt: from.field("asked_at").text(),
    question: readQuestion(from.field("question")),
    members,
    stages,
  };
}

function readAnswer(from: Reader, members: readonly string[]): Answer {
  const answer = emptyAnswer();
  answer.id = from.field("request_id").text();
  answer.ensemble = from.field("ensemble").text();
  answer.strategy = from.field("strategy").text();
  answer.rounds = from.field("rounds").list(readRound);
  meet(answer, members);
  for (const round of answer.rounds) meet(answer, round.active);
  const rules = from.field("stages").list((stage) => stage.field("policy").field("score").text());
  answer.scoreRule = rules[0] ?? null;
  answer.timing.first = firstSegment(answer);
  const end = from.field("ending");
  if (end.isAbsent) {
    answer.ending = { reason: "the client left", error: null };
    return answer;
  }
  answer.ending = { reason: end.field("reason").text(), error: end.field("error").optional((it) => it.text()) };
  answer.rest = end.field("text").text();
  answer.timing.total = end.field("total_micros").number() / 1000;
  answer.usage = { ...countUsage(answer), completionTokens: end.field("completion_tokens").number() };
  return answer;
}

/** The time that the rounds took until there was a text. */
function firstSegment(answer: Answer): number | null {
  const at = answer.rounds.findIndex((round) => round.text !== "");
  if (at < 0) return null;
  return answer.rounds.slice(0, at + 1).reduce((sum, round) => sum + round.draftMicros + round.scoreMicros, 0) / 1000;
}

function readQuestion(from: Reader): Question {
  const prompt = from.field("prompt");
  const messages = prompt.has("raw")
    ? [{ role: "", content: prompt.field("raw").text() }]
    : prompt.field("messages").list((message) => ({
        role: message.field("role").text(),
        content: message.field("content").text(),
      }));
  const sampling = from.field("sampling");
  const settings: [string, string][] = [["max tokens", String(from.field("max_tokens").number())]];
  for (const name of ["temperature", "top_p", "top_k", "min_p", "seed"]) {
    const value = sampling.field(name).raw;
    if (typeof value === "number" || typeof value === "string") settings.push([name.replace("_", " "), shortened(value)]);
  }
  const stop = from.field("stop").texts();
  if (stop.length > 0) settings.push(["stop", stop.map((text) => JSON.stringify(text)).join(", ")]);
  return { messages, settings };
}

/** 0.7 as an f32 is 0.699999988079071. */
function shortened(value: number | string): string {
  return typeof value === "number" ? String(Number(value.toPrecision(6))) : value;
}
