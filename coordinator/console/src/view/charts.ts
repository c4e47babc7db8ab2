// The two charts of an answer: what members have earned, and how likely they stay. Redrawn when there is more, or another width.

import { el } from "../dom.ts";
import type { Answer } from "../model/answer.ts";
import { highest, keep, type Measure, quality, series } from "../model/series.ts";
import { draw } from "./chart.ts";
import type { Palette } from "./palette.ts";

export class Charts {
  readonly element = el("section", { class: "card charts", "aria-labelledby": "charts-title", hidden: true });
  readonly #pictures = el("div", { class: "pictures" });
  readonly #palette: Palette;
  readonly #open: (round: number) => void;
  #answer: Answer | null = null;
  #marked: number | null = null;
  #width = 0;
  #frame = 0;

  constructor(palette: Palette, open: (round: number) => void) {
    this.#palette = palette;
    this.#open = open;
    this.element.append(
      el("header", {}, el("h2", { id: "charts-title" }, "Members over the rounds")),
      this.#pictures,
      el("p", { class: "note" }, "A cross marks where a member left. Letters are those of the legend."),
    );
    new ResizeObserver(() => {
      if (this.#pictures.clientWidth !== this.#width) this.#later();
    }).observe(this.#pictures);
  }

  update(answer: Answer): void {
    this.#answer = answer;
    this.#later();
  }

  mark(round: number | null): void {
    this.#marked = round;
    this.#later();
  }

  /** At most once a frame, however fast rounds come. */
  #later(): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#redraw();
    });
  }

  #redraw(): void {
    const answer = this.#answer;
    const first = answer?.rounds[0];
    this.element.hidden = first === undefined || !answer?.rounds.some((round) => round.quality.length > 0);
    if (this.element.hidden || answer === null || first === undefined) return;
    this.#width = this.#pictures.clientWidth;
    const rounds: [number, number] = [first.round, answer.rounds.at(-1)?.round ?? first.round];
    const chart = (title: string, measure: Measure): HTMLElement | null => {
      const lines = series(answer.rounds, answer.members, measure);
      if (lines.every((line) => line.stretches.length === 0)) return null;
      const shown = { title, lines, rounds, top: highest(lines), marked: this.#marked, pick: this.#open };
      return draw(shown, this.#width, this.#palette);
    };
    const pictures = [chart("Quality Q", quality), chart("Probability to stay p", keep)];
    this.#pictures.replaceChildren(...pictures.filter((picture) => picture !== null));
  }
}
