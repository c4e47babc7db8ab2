// Where the ticks of an axis and the labels beside it go.

/** Round values from 0 to the top, at most so many steps. */
export function ticks(top: number, most: number): number[] {
  if (!(top > 0)) return [0];
  const rough = top / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough * 0.999) ?? rough;
  return Array.from({ length: Math.floor(top / step + 1e-9) + 1 }, (_, at) => at * step);
}

/** Moves heights apart until they differ by the gap, in their order, between two bounds as far as there is room. */
export function spread(heights: readonly number[], gap: number, least: number, most: number): number[] {
  const order = heights.map((height, at) => ({ height, at })).sort((one, other) => one.height - other.height);
  let before = least - gap;
  for (const label of order) before = label.height = Math.max(label.height, before + gap);
  let after = most + gap;
  for (const label of order.toReversed()) after = label.height = Math.min(label.height, after - gap);
  return order.sort((one, other) => one.at - other.at).map((label) => label.height);
}
