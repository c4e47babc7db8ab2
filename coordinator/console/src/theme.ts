// Light or dark: the system's choice, or this browser's own, which is kept.

import { el } from "./dom.ts";

const STORED = "specfuse.theme";
const CHOICES = ["auto", "light", "dark"] as const;
type Choice = (typeof CHOICES)[number];

/** Called before anything is drawn, so that nothing is drawn twice. */
export function applyTheme(): void {
  apply(stored());
}

export function themeSwitch(): HTMLElement {
  const select = el(
    "select",
    { id: "theme", "aria-label": "Colours", "data-tip": "Colours" },
    ...CHOICES.map((choice) => el("option", { value: choice, selected: choice === stored() }, choice[0]?.toUpperCase() + choice.slice(1))),
  );
  select.addEventListener("change", () => {
    const choice = CHOICES.find((known) => known === select.value) ?? "auto";
    localStorage.setItem(STORED, choice);
    apply(choice);
  });
  return select;
}

function stored(): Choice {
  const kept = localStorage.getItem(STORED);
  return CHOICES.find((choice) => choice === kept) ?? "auto";
}

function apply(choice: Choice): void {
  document.documentElement.dataset["theme"] = choice;
}
