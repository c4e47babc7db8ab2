// What the charts draw: one line of points for each member, broken where it took no part.

import type { Round } from "./round.ts";

export interface Series {
  readonly member: string;
  /** Stretches of rounds that follow each other. */
  readonly stretches: readonly (readonly Point[])[];
  /** Where it left; there is no mark for a member that is still there. */
  readonly departures: readonly Departure[];
}

export interface Point {
  readonly round: number;
  readonly value: number;
}

export interface Departure extends Point {
  readonly reason: string;
}

export type Measure = (round: Round, seat: number) => number | null;

export const quality: Measure = (round, seat) => round.quality[seat] ?? null;
export const keep: Measure = (round, seat) => round.keep?.[seat] ?? null;

/** A value that is missing while the member takes part does not break its line; a round without it, or another stage, does. */
export function series(rounds: readonly Round[], members: readonly string[], measure: Measure): Series[] {
  return members.map((member) => {
    const stretches: Point[][] = [];
    const departures: Departure[] = [];
    let stretch: Point[] = [];
    let last: Point | null = null;
    let stage = -1;
    for (const round of rounds) {
      const seat = round.active.indexOf(member);
      if (round.stage !== stage || seat < 0) {
        stretch = [];
        stage = round.stage;
      }
      const value = seat < 0 ? null : measure(round, seat);
      if (value !== null) {
        last = { round: round.round, value };
        if (stretch.length === 0) stretches.push(stretch);
        stretch.push(last);
      }
      const exit = round.exits.find((left) => left.member === member);
      if (exit !== undefined && last !== null) departures.push({ ...last, round: round.round, reason: exit.reason });
    }
    return { member, stretches: stretches.filter((points) => points.length > 0), departures };
  });
}

/** The largest value of all lines; 0 where there are none. */
export function highest(lines: readonly Series[]): number {
  return Math.max(0, ...lines.flatMap((line) => line.stretches.flatMap((points) => points.map((point) => point.value))));
}
