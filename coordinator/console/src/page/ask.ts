// The page to ask: the form, and the answer that is being written. It lives on while another page is shown.

import { ask, begin, type Question } from "../api/ask.ts";
import { call, inWords } from "../api/http.ts";
import { el } from "../dom.ts";
import type { Answer } from "../model/answer.ts";
import { type Ensemble, readCluster } from "../model/cluster.ts";
import type { Page } from "../page.ts";
import { Display } from "../view/display.ts";
import { failure, recordingLinks } from "./parts.ts";
import { QuestionForm } from "./form.ts";

export function askPage(): Page {
  const problem = el("div");
  const reply = el("div", { class: "column" });
  const side = el("div", { class: "column side" }, introduction());
  let stop: AbortController | null = null;

  const form = new QuestionForm({
    ask: (question, ensemble) => {
      stop = new AbortController();
      form.busy(true);
      void write(question, ensemble, stop.signal).finally(() => {
        stop = null;
        form.busy(false);
      });
    },
    stop: () => stop?.abort(),
  });

  const write = async (question: Question, ensemble: Ensemble, signal: AbortSignal): Promise<void> => {
    const answer = begin(question, ensemble.members, ensemble.score);
    const display = new Display(answer);
    reply.replaceChildren(display.main);
    side.replaceChildren(display.side);
    try {
      for await (const _ of ask(question, answer, signal)) display.update();
      answer.ending ??= { reason: "stop", error: null };
    } catch (error) {
      const isStopped = signal.aborted;
      answer.ending = isStopped ? { reason: "stopped", error: null } : { reason: "failed", error: inWords(error) };
    }
    display.update();
    if (hasBegun(answer)) display.append(recordingLinks(answer.id));
  };

  const offer = async (): Promise<void> => {
    try {
      const response = await call("/v1/specfuse/cluster");
      form.offer(readCluster(await response.text()));
      problem.replaceChildren();
    } catch (error) {
      problem.replaceChildren(failure(inWords(error), () => void offer()));
    }
  };

  const main = el("div", { class: "column" }, problem, form.element, reply);
  return {
    element: el("div", { class: "page split" }, el("h1", { class: "unseen" }, "Ask"), main, side),
    title: "Ask",
    enter: () => void offer(),
    leave: () => undefined,
  };
}

/** Only what has begun is recorded. */
function hasBegun(answer: Answer): boolean {
  return answer.id !== "" && answer.rounds.length > 0;
}

function introduction(): HTMLElement {
  const step = (name: string, what: string): HTMLElement => el("li", {}, el("strong", {}, name), ` ${what}`);
  return el(
    "section",
    { class: "card hint" },
    el("h2", {}, "How an answer comes about"),
    el(
      "ol",
      {},
      step("Draft.", "In every round each member drafts the next few words."),
      step("Score.", "The members score the drafts, or each author’s own certainty counts."),
      step("Rank.", "The best draft becomes part of the answer, in the colour of its author."),
      step("Exit.", "Members that keep losing leave."),
    ),
    el("p", { class: "dim" }, "Ask something, then choose any segment of the answer to see how it was decided."),
  );
}
