// A line chart over the rounds, drawn at the width that there is: one line for each member, a cross where it left.

import { el, svg } from "../dom.ts";
import { fixed } from "../model/format.ts";
import type { Point, Series } from "../model/series.ts";
import { exitReason } from "../model/words.ts";
import { spread, ticks } from "./axis.ts";
import type { Palette } from "./palette.ts";

const HEIGHT = 190;
const EDGE = { left: 36, right: 26, top: 10, bottom: 30 };
const LABEL_GAP = 13;
const LEAST_TICK_WIDTH = 30;
const CROSS = 4;

export interface Chart {
  readonly title: string;
  readonly lines: readonly Series[];
  /** The numbers of the first and the last round. */
  readonly rounds: readonly [number, number];
  readonly top: number;
  readonly marked: number | null;
  readonly pick: (round: number) => void;
}

export function draw(chart: Chart, width: number, palette: Palette): HTMLElement {
  const [first, last] = chart.rounds;
  const inner = Math.max(1, width - EDGE.left - EDGE.right);
  const tall = HEIGHT - EDGE.top - EDGE.bottom;
  const x = (round: number): number => EDGE.left + (last === first ? inner / 2 : ((round - first) / (last - first)) * inner);
  const y = (value: number): number => EDGE.top + tall * (1 - value / (chart.top || 1));
  const picture = svg("svg", { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": told(chart) });
  picture.append(...axes(chart, x, y, inner));
  if (chart.marked !== null) {
    picture.append(svg("line", { class: "marked", x1: x(chart.marked), x2: x(chart.marked), y1: EDGE.top, y2: EDGE.top + tall }));
  }
  picture.append(...chart.lines.flatMap((line) => member(line, x, y, palette)), ...labels(chart.lines, x, y, palette));
  picture.addEventListener("click", (event) => {
    const part = (event.clientX - picture.getBoundingClientRect().left - EDGE.left) / inner;
    chart.pick(Math.round(first + Math.min(1, Math.max(0, part)) * (last - first)));
  });
  return el("figure", { class: "chart" }, el("figcaption", {}, chart.title), picture);
}

type Scale = (value: number) => number;

function axes(chart: Chart, x: Scale, y: Scale, inner: number): SVGElement[] {
  const [first, last] = chart.rounds;
  const horizontal = ticks(chart.top, 4).flatMap((value) => [
    svg("line", { class: "grid", x1: EDGE.left, x2: EDGE.left + inner, y1: y(value), y2: y(value) }),
    svg("text", { class: "tick", x: EDGE.left - 6, y: y(value) + 4, "text-anchor": "end" }, fixed(value, chart.top < 2 ? 2 : 1)),
  ]);
  const step = Math.max(1, Math.ceil((last - first + 1) / Math.max(1, inner / LEAST_TICK_WIDTH)));
  const vertical = Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, at) => first + at * step).map((round) =>
    svg("text", { class: "tick", x: x(round), y: HEIGHT - EDGE.bottom + 15, "text-anchor": "middle" }, String(round)),
  );
  const name = svg("text", { class: "tick", x: EDGE.left + inner, y: HEIGHT - 3, "text-anchor": "end" }, "round");
  return [...horizontal, ...vertical, name];
}

function member(line: Series, x: Scale, y: Scale, palette: Palette): SVGElement[] {
  const colour = palette.colour(line.member);
  const path = (points: readonly Point[]): string => points.map((point) => `${x(point.round)},${y(point.value)}`).join(" ");
  const drawn = line.stretches.map((points): SVGElement => {
    const [only] = points;
    if (points.length === 1 && only !== undefined) return svg("circle", { class: `dot ${colour}`, cx: x(only.round), cy: y(only.value), r: 3 });
    return svg("polyline", { class: `line ${colour}`, points: path(points) });
  });
  const left = line.departures.map((departure) => {
    const at = [x(departure.round), y(departure.value)] as const;
    const cross = `M${at[0] - CROSS} ${at[1] - CROSS}l${2 * CROSS} ${2 * CROSS}m0 ${-2 * CROSS}l${-2 * CROSS} ${2 * CROSS}`;
    const why = `${line.member} left in round ${departure.round}: ${exitReason(departure.reason)}`;
    return svg("path", { class: `cross ${colour}`, d: cross, "data-tip": why });
  });
  return [...drawn, ...left];
}

/** Letters at the ends of the lines, moved apart where they would lie on each other. */
function labels(lines: readonly Series[], x: Scale, y: Scale, palette: Palette): SVGElement[] {
  const ends = lines.flatMap((line) => {
    const end = line.stretches.at(-1)?.at(-1);
    return end === undefined ? [] : [{ member: line.member, x: x(end.round) + 7, y: y(end.value) + 4 }];
  });
  const columns = [...new Set(ends.map((end) => end.x))].map((x) => ends.filter((end) => end.x === x));
  return columns.flatMap((column) => {
    const heights = spread(column.map((end) => end.y), LABEL_GAP, EDGE.top + 8, HEIGHT - EDGE.bottom);
    return column.map((end, at) =>
      svg("text", { class: `end ${palette.colour(end.member)}`, x: end.x, y: heights[at] ?? end.y }, palette.letter(end.member)),
    );
  });
}

function told(chart: Chart): string {
  const members = chart.lines.map((line) => {
    const end = line.stretches.at(-1)?.at(-1);
    const left = line.departures.at(-1);
    const value = end === undefined ? "no value" : `${fixed(end.value, 3)} in round ${end.round}`;
    return `${line.member}: ${value}${left === undefined ? "" : `, left in round ${left.round}`}`;
  });
  return `${chart.title}. ${members.join("; ")}.`;
}
