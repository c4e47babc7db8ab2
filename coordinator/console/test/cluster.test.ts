// What the coordinator tells of its cluster, and the addresses of the pages.

import { deepEqual, equal, throws } from "node:assert/strict";
import { test } from "node:test";
import { defaultEnsemble, readCluster } from "../src/model/cluster.ts";
import { address } from "../src/page.ts";

function ensemble(name: string, over: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    name,
    members: ["a"],
    segment_tokens: 10,
    score: "mean_logprob",
    exit: "cumulative",
    weights: "uniform",
    default_max_tokens: 256,
    max_tokens_limit: 4096,
    ready: true,
    strategies: [{ name: "fuse", kind: "fuse" }],
    default_strategy: "fuse",
    adjustable: [],
    ...over,
  };
}

function cluster(ensembles: unknown[], description: unknown = null): string {
  return JSON.stringify({
    workers: [{ endpoint: "http://one:7071", state: "connecting", error: "", calls_in_flight: 0, description }],
    discovery_last_sync_seconds: null,
    running_generations: 1,
    waiting_generations: 2,
    ensembles,
    activity: { seconds: 60, answers: 0, completion_tokens_per_second: 0, members_per_round: null, members: [] },
  });
}

test("a worker that is not known yet has no description, and a fixed list has no age", () => {
  const known = readCluster(cluster([ensemble("x")]));
  deepEqual([known.workers[0]?.description, known.discoverySeconds, known.activity.membersPerRound], [null, null, null]);
});

test("a worker without a load is described all the same", () => {
  const facts = { model: "a", family: "llama", parameters: 1, context_length: 2, dtype: "f32", device: "cpu", build: "", cache_tokens: 3, fingerprint: "", load: null };
  equal(readCluster(cluster([], facts)).workers[0]?.description?.load, null);
});

test("the ensemble that is asked is the one named default, or else the first", () => {
  equal(defaultEnsemble(readCluster(cluster([ensemble("x"), ensemble("default")])))?.name, "default");
  equal(defaultEnsemble(readCluster(cluster([ensemble("x"), ensemble("y")])))?.name, "x");
});

test("rules are read as words or as objects with settings", () => {
  const known = readCluster(cluster([ensemble("x", { exit: { rule: "never", theta: 0.5, tau: 1 } })]));
  equal(known.ensembles[0]?.exit, "never");
});

test("what is missing is named", () => {
  throws(() => readCluster(cluster([ensemble("x", { members: null })])), /ensembles\[0\]\.members is not a list/);
});

test("an address names a page and what follows", () => {
  deepEqual(address("#/recording/a%2Fb"), { page: "recording", rest: "a/b" });
  deepEqual(address(""), { page: "", rest: "" });
  deepEqual(address("#/cluster"), { page: "cluster", rest: "" });
  deepEqual(address("#/recording/100%"), { page: "recording", rest: "100%" });
});
