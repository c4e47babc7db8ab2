// The values and the shades of the score table.

import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { cells, heat } from "../src/model/heat.ts";
import { round } from "./rounds.ts";

test("there is a row for each scorer and a column for each candidate", () => {
  const { rows, aggregate } = heat(round(), "mean_logprob");
  deepEqual(rows.map((row) => row.member), ["a", "b", "c"]);
  deepEqual(rows[0]?.cells?.map((cell) => cell.value), [-0.5, -2]);
  deepEqual(aggregate?.map((cell) => [cell.value, cell.isBest]), [[-0.5, true], [-1.25, false]]);
});

test("who abstained has no cells but a reason", () => {
  const row = heat(round(), null).rows[2];
  deepEqual([row?.cells, row?.why], [null, "abstained: its terms are not finite"]);
  const uncounted = round({ scores: [{ member: "a", outcome: "scored", terms: [], means: [] }] });
  equal(heat(uncounted, null).rows[0]?.cells, null);
});

test("all candidates of the highest value are the best of their row", () => {
  deepEqual(heat(round(), "mean_logprob").rows[1]?.cells?.map((cell) => cell.isBest), [true, true]);
});

test("weights stand beside the members that have them", () => {
  const weighted = round({ active: ["c", "b", "a"], weights: [0.2, 0.3, 0.5] });
  deepEqual(heat(weighted, null).rows.map((row) => row.weight), [0.5, 0.3, 0.2]);
});

test("log-probabilities are shaded by what they are the logarithms of", () => {
  const [certain, half, hopeless] = cells([0, Math.log(0.5), -700], "mean_logprob");
  equal(certain?.shade, 1);
  ok(Math.abs((half?.shade ?? 0) - 0.5) < 1e-12);
  ok((hopeless?.shade ?? 1) < 1e-12);
});

test("probabilities are shaded by themselves, and counts by the largest", () => {
  deepEqual(cells([0.25, 1], "mean_prob").map((cell) => cell.shade), [0.25, 1]);
  deepEqual(cells([1, 4, 2], null).map((cell) => cell.shade), [0.25, 1, 0.5]);
});

test("a value that is missing is neither shaded nor best, and shades stay between 0 and 1", () => {
  deepEqual(cells([null, -1], null).map((cell) => cell.isBest), [false, true]);
  deepEqual(cells([0.3, -0.1], null).map((cell) => cell.shade <= 1 && cell.shade >= 0), [true, true]);
});

test("a round that nothing was ranked in has no last row", () => {
  const unopposed = round({ scores: [], candidates: [{ text: "x", finished: true, authors: ["a"], aggregate: null }] });
  deepEqual(heat(unopposed, null), { rows: [], aggregate: null });
});
