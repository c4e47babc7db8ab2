// Who serves, in which state, and how busy: what GET /v1/specfuse/cluster tells.

import { Reader } from "./reader.ts";

export interface Cluster {
  readonly workers: readonly Worker[];
  /** Age of the discovery list; null: it is fixed. */
  readonly discoverySeconds: number | null;
  readonly running: number;
  readonly waiting: number;
  readonly ensembles: readonly Ensemble[];
  readonly activity: Activity;
}

export interface Worker {
  readonly endpoint: string;
  /** "connecting", "ready" or "unreachable". */
  readonly state: string;
  readonly error: string;
  readonly callsInFlight: number;
  readonly description: Description | null;
}

export interface Description {
  readonly model: string;
  readonly family: string;
  readonly parameters: number;
  readonly contextLength: number;
  readonly dtype: string;
  readonly device: string;
  readonly build: string;
  readonly cacheTokens: number;
  readonly fingerprint: string;
  readonly load: Load | null;
}

export interface Load {
  readonly liveSequences: number;
  readonly waitingCalls: number;
  readonly engineSteps: number;
  readonly cachedTokens: number;
}

export interface Ensemble {
  readonly name: string;
  readonly members: readonly string[];
  readonly isReady: boolean;
  readonly score: string;
  readonly exit: string;
  readonly weights: string;
  readonly segmentTokens: number;
  readonly defaultMaxTokens: number;
  readonly maxTokensLimit: number;
  readonly strategies: readonly { readonly name: string; readonly kind: string }[];
  readonly defaultStrategy: string;
  /** The rules that a request may depart from. */
  readonly adjustable: readonly string[];
}

export interface Activity {
  /** The window that it speaks of. */
  readonly seconds: number;
  readonly answers: number;
  readonly tokensPerSecond: number;
  readonly membersPerRound: number | null;
  readonly members: readonly MemberActivity[];
}

export interface MemberActivity {
  readonly member: string;
  readonly draftedPerSecond: number;
  readonly scoredPerSecond: number;
  readonly segmentsWon: number;
}

export function readCluster(json: string): Cluster {
  const from = Reader.parse(json);
  return {
    workers: from.field("workers").list(readWorker),
    discoverySeconds: from.field("discovery_last_sync_seconds").optional((it) => it.number()),
    running: from.field("running_generations").number(),
    waiting: from.field("waiting_generations").number(),
    ensembles: from.field("ensembles").list(readEnsemble),
    activity: readActivity(from.field("activity")),
  };
}

/** The one that is asked where none is chosen: the only one, or the one of that name. */
export function defaultEnsemble(cluster: Cluster): Ensemble | undefined {
  return cluster.ensembles.find((ensemble) => ensemble.name === "default") ?? cluster.ensembles[0];
}

function readWorker(from: Reader): Worker {
  return {
    endpoint: from.field("endpoint").text(),
    state: from.field("state").text(),
    error: from.field("error").optional((it) => it.text()) ?? "",
    callsInFlight: from.field("calls_in_flight").number(),
    description: from.field("description").optional(readDescription),
  };
}

function readDescription(from: Reader): Description {
  return {
    model: from.field("model").text(),
    family: from.field("family").text(),
    parameters: from.field("parameters").number(),
    contextLength: from.field("context_length").number(),
    dtype: from.field("dtype").text(),
    device: from.field("device").text(),
    build: from.field("build").text(),
    cacheTokens: from.field("cache_tokens").number(),
    fingerprint: from.field("fingerprint").text(),
    load: from.field("load").optional((load) => ({
      liveSequences: load.field("live_sequences").number(),
      waitingCalls: load.field("waiting_calls").number(),
      engineSteps: load.field("engine_steps").number(),
      cachedTokens: load.field("cached_tokens").number(),
    })),
  };
}

function readEnsemble(from: Reader): Ensemble {
  return {
    name: from.field("name").text(),
    members: from.field("members").texts(),
    isReady: from.field("ready").boolean(),
    score: ruleName(from.field("score")),
    exit: ruleName(from.field("exit")),
    weights: ruleName(from.field("weights")),
    segmentTokens: from.field("segment_tokens").number(),
    defaultMaxTokens: from.field("default_max_tokens").number(),
    maxTokensLimit: from.field("max_tokens_limit").number(),
    strategies: from.field("strategies").list((it) => ({ name: it.field("name").text(), kind: it.field("kind").text() })),
    defaultStrategy: from.field("default_strategy").text(),
    adjustable: from.field("adjustable").texts(),
  };
}

/** A rule is a word, or an object with its settings. */
function ruleName(from: Reader): string {
  return typeof from.raw === "string" ? from.raw : (from.field("rule").optional((it) => it.text()) ?? JSON.stringify(from.raw));
}

function readActivity(from: Reader): Activity {
  return {
    seconds: from.field("seconds").number(),
    answers: from.field("answers").number(),
    tokensPerSecond: from.field("completion_tokens_per_second").number(),
    membersPerRound: from.field("members_per_round").optional((it) => it.number()),
    members: from.field("members").list((member) => ({
      member: member.field("member").text(),
      draftedPerSecond: member.field("drafted_tokens_per_second").number(),
      scoredPerSecond: member.field("scored_tokens_per_second").number(),
      segmentsWon: member.field("segments_won").number(),
    })),
  };
}
