// An answer with everything that can be known of it: the same for one that is being written and for a recording.

import { el } from "../dom.ts";
import type { Answer } from "../model/answer.ts";
import { many } from "../model/format.ts";
import { countUsage } from "../model/usage.ts";
import { ending } from "../model/words.ts";
import { Charts } from "./charts.ts";
import { legend } from "./legend.ts";
import { Palette } from "./palette.ts";
import { roundPanel } from "./round.ts";
import { Strip } from "./strip.ts";
import { summary } from "./summary.ts";
import { TextView } from "./text.ts";

export class Display {
  /** The answer, and what it took. */
  readonly main = el("section", { class: "card reply", "aria-labelledby": "reply-title" });
  /** The open round, and the charts. */
  readonly side = el("div", { class: "column" });
  readonly #answer: Answer;
  readonly #palette: Palette;
  readonly #state = el("p", { class: "state" });
  readonly #legend = el("div");
  readonly #error = el("p", { class: "error", role: "alert", hidden: true });
  readonly #summary = el("div");
  readonly #round = el("div");
  readonly #text: TextView;
  readonly #strip: Strip;
  readonly #charts: Charts;
  #opened: number | null = null;
  /** Where the focus goes back to. */
  #opener: HTMLElement | null = null;

  constructor(answer: Answer) {
    this.#answer = answer;
    this.#palette = new Palette(answer.members);
    const open = (round: number): void => this.open(round);
    this.#text = new TextView(this.#palette, open);
    this.#strip = new Strip(this.#palette, open);
    this.#charts = new Charts(this.#palette, open);
    this.main.append(
      el("header", {}, el("h2", { id: "reply-title" }, "Answer"), this.#state),
      this.#legend,
      this.#text.element,
      this.#error,
      this.#strip.element,
      this.#summary,
    );
    this.side.append(this.#round, this.#charts.element);
    this.#hint();
    this.update();
  }

  /** The answer has more in it. */
  update(): void {
    const answer = this.#answer;
    this.#state.textContent = state(answer);
    this.#legend.replaceChildren(legend(answer, this.#palette));
    this.#text.update(answer);
    this.#strip.update(answer);
    this.#charts.update(answer);
    this.#error.textContent = answer.ending?.error ?? "";
    this.#error.hidden = this.#error.textContent === "";
    if (answer.ending !== null && answer.rounds.length > 0) {
      this.#summary.replaceChildren(summary(answer, answer.usage ?? countUsage(answer), this.#palette));
    }
    this.main.classList.toggle("writing", answer.ending === null);
  }

  /** Whatever else belongs to a finished answer. */
  append(...children: HTMLElement[]): void {
    this.main.append(...children);
  }

  open(round: number): void {
    const at = this.#answer.rounds.findIndex((known) => known.round === round);
    if (at < 0) return;
    const focused = document.activeElement;
    const isInside = this.#round.contains(focused);
    if (!isInside && focused instanceof HTMLElement) this.#opener = focused;
    this.#mark(round);
    const actions = { open: (other: number) => this.open(other), close: () => this.#close() };
    this.#round.replaceChildren(roundPanel(this.#answer, at, this.#palette, actions));
    this.#focusInside(isInside ? (focused?.getAttribute("aria-label") ?? null) : null);
    this.#round.scrollIntoView({ block: "nearest" });
  }

  /** On the button of this name, so that one can go on from round to round, or else on the title. */
  #focusInside(label: string | null): void {
    const buttons = [...this.#round.querySelectorAll("button")];
    const same = buttons.find((button) => label !== null && !button.disabled && button.getAttribute("aria-label") === label);
    (same ?? this.#round.querySelector<HTMLElement>("#round-title"))?.focus({ preventScroll: true });
  }

  #close(): void {
    const round = this.#opened;
    this.#mark(null);
    this.#hint();
    if (this.#opener?.isConnected === true && this.#opener !== document.body) this.#opener.focus();
    else if (round !== null) this.#text.focus(round);
  }

  #mark(round: number | null): void {
    this.#opened = round;
    this.#text.mark(round);
    this.#strip.mark(round);
    this.#charts.mark(round);
  }

  #hint(): void {
    const hint = "Choose a segment or a round to see what every member proposed, how all were scored, and who left.";
    this.#round.replaceChildren(el("section", { class: "card hint" }, el("h2", {}, "Round"), el("p", { class: "dim" }, hint)));
  }
}

function state(answer: Answer): string {
  if (answer.ending !== null) return ending(answer.ending.reason);
  const last = answer.rounds.at(-1);
  return last === undefined ? "waiting for the first segment …" : `round ${last.round} · ${many(last.active.length, "member")} · writing …`;
}
