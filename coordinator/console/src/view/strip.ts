// All rounds of an answer in a row, also those that brought no text; each opens.

import { el } from "../dom.ts";
import type { Answer } from "../model/answer.ts";
import { many } from "../model/format.ts";
import type { Round } from "../model/round.ts";
import type { Palette } from "./palette.ts";
import { Rove } from "./rove.ts";

export class Strip {
  readonly element = el("div", { class: "strip", role: "group", "aria-label": "Rounds" });
  readonly #rove = new Rove(this.element);
  readonly #buttons: { readonly button: HTMLElement; readonly round: number }[] = [];
  readonly #palette: Palette;
  readonly #open: (round: number) => void;

  constructor(palette: Palette, open: (round: number) => void) {
    this.#palette = palette;
    this.#open = open;
  }

  update(answer: Answer): void {
    for (const round of answer.rounds.slice(this.#buttons.length)) this.#add(round);
  }

  mark(round: number | null): void {
    for (const { button, round: at } of this.#buttons) button.setAttribute("aria-pressed", String(at === round));
  }

  #add(round: Round): void {
    const winner = round.winner === null ? "nothing decided" : `${round.winner} won`;
    const left = round.exits.length === 0 ? "" : ` · left: ${round.exits.map((exit) => exit.member).join(", ")}`;
    const told = `Round ${round.round} · ${winner} · ${many(round.active.length, "member")}${left}`;
    const button = el(
      "button",
      {
        type: "button",
        class: `${this.#palette.colour(round.winner)}${round.exits.length > 0 ? " exits" : ""}`,
        "aria-label": told,
        "aria-pressed": "false",
        "data-tip": told,
      },
      String(round.round),
    );
    button.addEventListener("click", () => this.#open(round.round));
    this.#rove.add(button);
    this.#buttons.push({ button, round: round.round });
    this.element.append(button);
  }
}
