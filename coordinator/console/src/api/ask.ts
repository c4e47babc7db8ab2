// One question to the ensemble, and its answer as it is being written.

import { type Answer, emptyAnswer } from "../model/answer.ts";
import { StreamFailed, take } from "../model/stream.ts";
import { call } from "./http.ts";
import { events } from "./sse.ts";

export interface Question {
  readonly ensemble: string;
  readonly strategy: string;
  readonly system: string;
  readonly question: string;
  readonly maxTokens: number | null;
  readonly temperature: number | null;
  readonly seed: number | null;
  /** Departures from the strategy, by the names that requests have for them. */
  readonly rules: Readonly<Record<string, string | number>>;
}

/** Gives the same answer again and again, each time with more in it. Throws where it fails or is stopped; what came before stands. */
export async function* ask(question: Question, answer: Answer, stop: AbortSignal): AsyncGenerator<Answer> {
  const asked = performance.now();
  const response = await call("/v1/chat/completions", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body(question)),
    signal: stop,
  });
  answer.id = response.headers.get("x-request-id") ?? "";
  if (response.body === null) throw new StreamFailed("The answer has no body.");
  try {
    for await (const event of events(response.body)) {
      const isLast = take(answer, event, performance.now() - asked);
      yield answer;
      if (isLast) return;
    }
    throw new StreamFailed("The connection ended before the answer did.");
  } catch (error) {
    // A lost connection is a TypeError of the browser's, with words of its own.
    throw error instanceof TypeError ? new StreamFailed("The connection was lost before the answer ended.") : error;
  } finally {
    answer.timing.total = performance.now() - asked;
  }
}

export function begin(question: Question, members: readonly string[], ensembleRule: string): Answer {
  const asked = question.rules["score"];
  const scoreRule = typeof asked === "string" ? asked : ensembleRule;
  return { ...emptyAnswer(), ensemble: question.ensemble, strategy: question.strategy, members: [...members], scoreRule };
}

function body(question: Question): Record<string, unknown> {
  const system = question.system.trim() === "" ? [] : [{ role: "system", content: question.system }];
  return {
    model: question.ensemble,
    messages: [...system, { role: "user", content: question.question }],
    stream: true,
    stream_options: { include_usage: true },
    ...(question.maxTokens === null ? {} : { max_tokens: question.maxTokens }),
    ...(question.temperature === null ? {} : { temperature: question.temperature }),
    ...(question.seed === null ? {} : { seed: question.seed }),
    specfuse: { trace: true, record: true, ...(question.strategy === "" ? {} : { strategy: question.strategy }), ...question.rules },
  };
}
