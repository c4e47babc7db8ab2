// The lines of the charts, and where their ticks and labels go.

import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { highest, keep, quality, series } from "../src/model/series.ts";
import { spread, ticks } from "../src/view/axis.ts";
import { round } from "./rounds.ts";

const left = { member: "b", reason: "quality", detail: "" };

test("a line ends where its member leaves, with a mark, and goes on apart when it is back", () => {
  const rounds = [
    round({ round: 1, exits: [left] }),
    round({ round: 2, active: ["a", "c"], quality: [1, 0.5], keep: null }),
    round({ round: 3, quality: [1.5, 0.8, 0.9] }),
  ];
  const line = series(rounds, ["b"], quality)[0];
  deepEqual(line?.stretches, [[{ round: 1, value: 0.3 }], [{ round: 3, value: 0.8 }]]);
  deepEqual(line?.departures, [{ round: 1, value: 0.3, reason: "quality" }]);
});

test("rounds without a value do not break a line", () => {
  const rounds = [round({ round: 1 }), round({ round: 2, keep: null }), round({ round: 3 })];
  deepEqual(series(rounds, ["a"], keep)[0]?.stretches, [[{ round: 1, value: 0.5 }, { round: 3, value: 0.5 }]]);
});

test("another stage begins another line", () => {
  const rounds = [round({ round: 1 }), round({ round: 2, stage: 1 })];
  equal(series(rounds, ["a"], quality)[0]?.stretches.length, 2);
});

test("the highest value is that of all lines", () => {
  equal(highest(series([round()], ["a", "b"], quality)), 0.6);
  equal(highest([]), 0);
});

test("ticks are round numbers from nothing to the top", () => {
  deepEqual(ticks(1, 4), [0, 0.25, 0.5, 0.75, 1]);
  deepEqual(ticks(7.3, 4), [0, 2, 4, 6]);
  deepEqual(ticks(0, 4), [0]);
});

test("labels are moved apart, keep their order, and stay inside", () => {
  const heights = spread([50, 52, 51, 99], 10, 0, 100);
  const sorted = [...heights].sort((one, other) => one - other);
  deepEqual(sorted, [heights[0], heights[2], heights[1], heights[3]]);
  sorted.forEach((height, at) => ok(at === 0 || height - (sorted[at - 1] ?? 0) >= 10 - 1e-9, String(heights)));
  ok(Math.max(...heights) <= 100);
});
