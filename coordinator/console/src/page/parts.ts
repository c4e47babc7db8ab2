// What several pages show: a failure with a way to try again, and the ways to an answer's recording.

import { inWords } from "../api/http.ts";
import { fetchRecording, save } from "../api/recordings.ts";
import { el } from "../dom.ts";

export function failure(what: string, again: () => void): HTMLElement {
  const button = el("button", { type: "button" }, "Try again");
  button.addEventListener("click", again);
  return el("div", { class: "card failure", role: "alert" }, el("p", {}, what), button);
}

/** A link to the recording's page, and a button that saves it. */
export function recordingLinks(id: string): HTMLElement {
  const said = el("span", { class: "note", role: "status" });
  const download = el("button", { type: "button" }, "Download");
  download.addEventListener("click", () => {
    fetchRecording(id).then(
      (json) => save(id, json),
      (error: unknown) => {
        said.textContent = inWords(error);
      },
    );
  });
  const link = el("a", { href: `#/recording/${encodeURIComponent(id)}` }, "Open the recording");
  return el("footer", { class: "actions" }, el("code", { class: "note id" }, id), said, link, download);
}
