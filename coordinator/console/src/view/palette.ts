// A member's colour and its letter: never one without the other, so nobody depends on colours.

import { type Child, el } from "../dom.ts";

/** As many as console.css has. */
const COLOURS = 10;

export class Palette {
  readonly #members: readonly string[];

  /** The list may grow later; who is on it keeps its place. */
  constructor(members: readonly string[]) {
    this.#members = members;
  }

  /** The class that brings the colour. */
  colour(member: string | null): string {
    const at = member === null ? -1 : this.#members.indexOf(member);
    return at < 0 ? "nobody" : `m${at % COLOURS}`;
  }

  /** A, B, … Z, A2, … */
  letter(member: string | null): string {
    const at = member === null ? -1 : this.#members.indexOf(member);
    if (at < 0) return "·";
    const letter = String.fromCharCode(65 + (at % 26));
    return at < 26 ? letter : `${letter}${Math.floor(at / 26) + 1}`;
  }

  badge(member: string): HTMLElement {
    return el("span", { class: `letter ${this.colour(member)}`, "aria-hidden": "true" }, this.letter(member));
  }

  chip(member: string, ...more: Child[]): HTMLElement {
    return el("span", { class: "chip" }, this.badge(member), el("span", { class: "name" }, member), ...more);
  }
}
