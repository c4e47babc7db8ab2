// A control under its label.

import { el } from "../dom.ts";

/** The label can be for screen readers alone. */
export function field(label: string, control: HTMLElement, hidden?: "unseen"): HTMLElement {
  return el("div", { class: "field" }, el("label", { for: control.id, class: hidden }, label), control);
}
