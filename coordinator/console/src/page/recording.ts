// The page of a recording: of an answer that the coordinator still keeps, or from a file that was downloaded earlier.

import { inWords, Refused } from "../api/http.ts";
import { fetchRecording, save } from "../api/recordings.ts";
import { el } from "../dom.ts";
import { Unreadable } from "../model/reader.ts";
import { readRecording } from "../model/recording.ts";
import type { Page } from "../page.ts";
import { Display } from "../view/display.ts";
import { questionCard } from "../view/question.ts";
import { FilePicker } from "./file.ts";
import { failure } from "./parts.ts";

const NOT_KEPT = "There is no recording with this id. The coordinator keeps those of the last answers only, in memory, each for the key that asked. A file that was downloaded earlier can be opened instead.";

export function recordingPage(): Page {
  const body = el("div", { class: "split" });
  let stop: AbortController | null = null;

  const show = (json: string): void => {
    const recording = readRecording(json);
    const { answer } = recording;
    const display = new Display(answer);
    const download = el("button", { type: "button" }, "Download");
    download.addEventListener("click", () => save(answer.id, json));
    display.append(el("footer", { class: "actions" }, el("code", { class: "note id" }, answer.id), download));
    const main = el("div", { class: "column" }, questionCard(recording), display.main);
    const side = el("div", { class: "column side" }, display.side);
    body.replaceChildren(main, side);
  };

  const say = (words: string, again: (() => void) | null): void => {
    const card = again === null ? el("div", { class: "card failure", role: "alert" }, el("p", {}, words)) : failure(words, again);
    body.replaceChildren(card);
  };

  const load = async (id: string): Promise<void> => {
    stop?.abort();
    const mine = new AbortController();
    stop = mine;
    body.replaceChildren(el("p", { class: "dim", role: "status" }, "Loading the recording …"));
    try {
      const json = await fetchRecording(id, mine.signal);
      if (!mine.signal.aborted) show(json);
    } catch (error) {
      if (mine.signal.aborted) return;
      const isUnknown = error instanceof Refused && error.status === 404;
      if (isUnknown) say(NOT_KEPT, null);
      else say(inWords(error), () => void load(id));
    }
  };

  const picker = new FilePicker({
    file: (json) => {
      stop?.abort();
      try {
        show(json);
      } catch (error) {
        if (!(error instanceof Unreadable)) throw error;
        say(`This file is no recording that this page can read: ${error.message}.`, null);
      }
    },
    id: (id) => {
      location.hash = `#/recording/${encodeURIComponent(id)}`;
    },
  });

  const element = el("div", { class: "page" }, el("h1", { class: "unseen" }, "Recording"), picker.element, body);
  picker.watch(element);
  return {
    element,
    title: "Recording",
    enter: (id) => {
      if (id === "") body.replaceChildren();
      else void load(id);
    },
    leave: () => stop?.abort(),
  };
}
