// The API key: asked for where the coordinator wants one, kept for this tab's session, and sent in a header only.

import { el } from "../dom.ts";
import { sentence } from "../model/format.ts";

const STORED = "specfuse.key";

export function key(): string | null {
  return sessionStorage.getItem(STORED);
}

let asking: Promise<boolean> | null = null;

/** False: the person closed the dialog. Calls that are refused at the same time share one dialog. */
export function askForKey(why: string): Promise<boolean> {
  asking ??= openDialog(why).finally(() => {
    asking = null;
  });
  return asking;
}

function openDialog(why: string): Promise<boolean> {
  const input = el("input", { type: "password", id: "key", name: "key", required: true, autocomplete: "off", spellcheck: false });
  const cancel = el("button", { type: "button", class: "quiet" }, "Cancel");
  const form = el(
    "form",
    { method: "dialog" },
    el("h2", { id: "key-title" }, "API key"),
    el("p", { class: "dim" }, sentence(why)),
    el("label", { for: "key" }, "Key"),
    input,
    el("p", { class: "note" }, "Kept in this tab until it is closed, and sent to this coordinator only."),
    el("div", { class: "actions" }, cancel, el("button", { type: "submit", class: "primary" }, "Use this key")),
  );
  const dialog = el("dialog", { "aria-labelledby": "key-title" }, form);
  const before = document.activeElement;
  cancel.addEventListener("click", () => dialog.close(""));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    sessionStorage.setItem(STORED, input.value.trim());
    dialog.close("given");
  });
  document.body.append(dialog);
  // A modal dialog keeps the focus inside and closes on Escape by itself.
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (before instanceof HTMLElement) before.focus();
      resolve(dialog.returnValue === "given");
    });
  });
}
