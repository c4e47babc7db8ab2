// The answer's text: its segments in the colours of their authors, each a way into its round.

import { el } from "../dom.ts";
import { type Answer, type Segment, segments } from "../model/answer.ts";
import type { Palette } from "./palette.ts";
import { Rove } from "./rove.ts";

export class TextView {
  readonly element = el("div", { class: "answer", role: "group", "aria-label": "Answer", "aria-live": "polite" });
  readonly #rove = new Rove(this.element);
  readonly #shown: { readonly node: HTMLElement; readonly segment: Segment }[] = [];
  readonly #palette: Palette;
  readonly #open: (round: number) => void;

  constructor(palette: Palette, open: (round: number) => void) {
    this.#palette = palette;
    this.#open = open;
  }

  /** Segments are only ever added: what is there stays as it is, and keeps the focus. */
  update(answer: Answer): void {
    for (const segment of segments(answer).slice(this.#shown.length)) this.#add(segment, answer);
  }

  mark(round: number | null): void {
    for (const { node, segment } of this.#shown) node.setAttribute("aria-pressed", String(segment.round === round));
  }

  focus(round: number): void {
    this.#shown.find(({ segment }) => segment.round === round)?.node.focus();
  }

  #add(segment: Segment, answer: Answer): void {
    const author = segment.author ?? "nobody";
    const round = answer.rounds.find((known) => known.round === segment.round);
    const isNewAuthor = this.#shown.at(-1)?.segment.author !== segment.author;
    // White space before the first word stays outside, where no colour makes a block of it.
    const start = segment.text.trim() === "" ? 0 : segment.text.length - segment.text.trimStart().length;
    const node = el(
      "span",
      {
        class: `segment ${this.#palette.colour(segment.author)}`,
        role: "button",
        "aria-pressed": "false",
        "data-round": segment.round,
        "data-letter": isNewAuthor ? this.#palette.letter(segment.author) : undefined,
        "data-tip": `${author} · round ${segment.round} · ${round?.active.length ?? 0} active`,
      },
      segment.text.slice(start),
    );
    node.addEventListener("click", () => this.#open(segment.round));
    node.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      this.#open(segment.round);
    });
    this.#rove.add(node);
    this.#shown.push({ node, segment });
    this.element.append(segment.text.slice(0, start), node);
  }
}
