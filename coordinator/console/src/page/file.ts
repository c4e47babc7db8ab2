// The ways to another recording: its id, or a file that is chosen or dropped.

import { el } from "../dom.ts";

export interface Picked {
  readonly file: (json: string) => void;
  readonly id: (id: string) => void;
}

export class FilePicker {
  readonly element: HTMLElement;
  readonly #picked: Picked;

  constructor(picked: Picked) {
    this.#picked = picked;
    const id = el("input", { id: "recording-id", name: "id", type: "text", required: true, spellcheck: false, autocomplete: "off", placeholder: "request id" });
    const form = el("form", { class: "row" }, el("label", { for: "recording-id" }, "Recording"), id, el("button", { type: "submit" }, "Open"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      picked.id(id.value.trim());
    });
    const file = el("input", { id: "file", type: "file", accept: "application/json,.json", class: "unseen" });
    file.addEventListener("change", () => {
      this.#read(file.files);
      file.value = "";
    });
    const label = el("label", { for: "file", class: "button" }, "Open a file …");
    this.element = el("div", { class: "picker" }, form, file, label, el("span", { class: "note" }, "or drop one anywhere on this page"));
  }

  /** Takes files that are dropped on this element. */
  watch(target: HTMLElement): void {
    target.addEventListener("dragover", (event) => {
      event.preventDefault();
      target.classList.add("dropping");
    });
    for (const name of ["dragleave", "drop"]) target.addEventListener(name, () => target.classList.remove("dropping"));
    target.addEventListener("drop", (event) => {
      event.preventDefault();
      this.#read(event.dataTransfer?.files ?? null);
    });
  }

  #read(files: FileList | null): void {
    const [file] = files ?? [];
    if (file !== undefined) void file.text().then(this.#picked.file);
  }
}
