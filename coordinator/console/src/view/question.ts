// What was asked, of whom, and under which rules.

import { el } from "../dom.ts";
import type { Recording } from "../model/recording.ts";

export function questionCard(recording: Recording): HTMLElement {
  const { answer, question, members, stages } = recording;
  const messages = question.messages.map(({ role, content }) =>
    el("div", { class: "message" }, el("span", { class: "role" }, role === "" ? "raw prompt" : role), el("p", {}, content)),
  );
  const settings = question.settings.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)));
  const seats = members.map((seat) =>
    el("li", {}, seat.name === seat.model ? seat.name : `${seat.name} · ${seat.model}`, " ", el("code", { class: "dim" }, seat.fingerprints.map((print) => print.slice(0, 12)).join(" "))),
  );
  const policies = stages.map((stage, at) =>
    el(
      "div",
      {},
      el("h3", {}, stages.length === 1 ? "Policy" : `Policy of stage ${at + 1}`),
      el("p", { class: "dim" }, `${stage.members.join(", ")}${stage.readsProposals ? " · reads the proposals" : ""}`),
      el("pre", { tabindex: 0 }, JSON.stringify(stage.policy, null, 2)),
    ),
  );
  return el(
    "section",
    { class: "card", "aria-labelledby": "question-title" },
    el("header", {}, el("h2", { id: "question-title" }, "Question"), el("p", { class: "state" }, `${answer.ensemble} · ${answer.strategy} · ${moment(recording.askedAt)}`)),
    ...messages,
    el("details", {}, el("summary", {}, "Settings, members and policy"), el("dl", { class: "facts" }, ...settings), el("h3", {}, "Members"), el("ul", { class: "plain" }, ...seats), ...policies),
  );
}

function moment(time: string): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? time : date.toLocaleString();
}
