// A few words beside what the pointer or the focus is on.

import { el } from "../dom.ts";

const GAP = 6;

const tip = el("div", { id: "tip", class: "tip", role: "tooltip", hidden: true });

/** Everything with the attribute data-tip has one. */
export function startTips(): void {
  document.body.append(tip);
  for (const name of ["pointerover", "focusin"]) {
    document.addEventListener(name, (event) => {
      const target = event.target instanceof Element ? event.target.closest("[data-tip]") : null;
      // A click gives the focus too, but who clicks has seen the words already.
      if (target === null || (name === "focusin" && !target.matches(":focus-visible"))) hide();
      else show(target);
    });
  }
  document.addEventListener("focusout", hide);
  document.addEventListener("pointerdown", hide);
  document.addEventListener("scroll", hide, { capture: true, passive: true });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
  });
}

function show(target: Element): void {
  tip.textContent = target.getAttribute("data-tip");
  tip.hidden = false;
  target.setAttribute("aria-describedby", tip.id);
  const at = target.getClientRects()[0] ?? target.getBoundingClientRect();
  const size = tip.getBoundingClientRect();
  const left = Math.min(Math.max(GAP, at.left), document.documentElement.clientWidth - size.width - GAP);
  const above = at.top - size.height - GAP;
  tip.style.left = `${left}px`;
  tip.style.top = `${above < GAP ? at.bottom + GAP : above}px`;
}

function hide(): void {
  tip.hidden = true;
}
