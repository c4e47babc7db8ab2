// The score table of a round as values: who said what of which candidate, and how strong each cell is shaded.

import type { Round } from "./round.ts";

export interface Heat {
  readonly rows: readonly HeatRow[];
  /** What the candidates were ranked by; null where nothing was. */
  readonly aggregate: readonly Cell[] | null;
}

export interface HeatRow {
  readonly member: string;
  readonly weight: number | null;
  /** Null: the scorer said nothing that counts, and `why` says why. */
  readonly cells: readonly Cell[] | null;
  readonly why: string;
}

export interface Cell {
  /** Null: there is no value for this candidate. */
  readonly value: number | null;
  /** From 0 to 1. */
  readonly shade: number;
  /** The highest of its row. */
  readonly isBest: boolean;
}

/** `rule` is "mean_logprob" or "mean_prob"; null where it is not known. */
export function heat(round: Round, rule: string | null): Heat {
  const rows = round.scores.map((score): HeatRow => {
    const at = round.active.indexOf(score.member);
    const weight = round.weights?.[at] ?? null;
    if (score.outcome !== "scored") return { member: score.member, weight, cells: null, why: `${score.outcome}: ${score.why}` };
    if (score.means.length === 0) return { member: score.member, weight, cells: null, why: "abstained: not counted" };
    const means = round.candidates.map((_, candidate) => score.means[candidate] ?? null);
    return { member: score.member, weight, cells: cells(means, rule), why: "" };
  });
  const ranked = round.candidates.map((candidate) => candidate.aggregate);
  const aggregateRule = round.decidedBy === "scores" ? rule : null;
  return { rows, aggregate: ranked.some((value) => value !== null) ? cells(ranked, aggregateRule) : null };
}

export function cells(values: readonly (number | null)[], rule: string | null): Cell[] {
  const known = values.filter((value) => value !== null);
  const best = Math.max(...known);
  return values.map((value) => ({
    value,
    shade: value === null ? 0 : shade(value, known, rule),
    isBest: value !== null && value === best,
  }));
}

/** Log-probabilities are shaded by their exponentials and probabilities by themselves, so shades compare between rounds; counts by the largest. */
function shade(value: number, row: readonly number[], rule: string | null): number {
  const isLogarithm = rule === "mean_logprob" || (rule === null && row.some((other) => other < 0));
  const most = Math.max(...row);
  const part = isLogarithm ? Math.exp(value) : most > 1 ? value / most : value;
  return Math.min(1, Math.max(0, part));
}
