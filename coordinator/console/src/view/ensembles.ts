// The ensembles and who serves their members. A card stays when its numbers change, so it keeps its place and its scrolling.

import { el, scrolling, th } from "../dom.ts";
import type { Cluster, Ensemble, Worker } from "../model/cluster.ts";
import { decimal, many } from "../model/format.ts";
import { Palette } from "./palette.ts";
import { REPLICA_COLUMNS, replicaRows } from "./replicas.ts";

interface Card {
  readonly element: HTMLElement;
  readonly head: HTMLElement;
  readonly body: HTMLTableSectionElement;
}

export class EnsembleCards {
  readonly element = el("div", { class: "column" });
  readonly #cards = new Map<string, Card>();

  update(cluster: Cluster): void {
    const names = new Set(cluster.ensembles.flatMap((ensemble) => ensemble.members));
    const shown: Card[] = cluster.ensembles.map((ensemble) => {
      const card = this.#card(`ensemble ${ensemble.name}`);
      card.head.replaceChildren(...heading(ensemble));
      const palette = new Palette(ensemble.members);
      card.body.replaceChildren(...ensemble.members.flatMap((member) => memberRows(member, cluster, palette)));
      return card;
    });
    const others = cluster.workers.filter((worker) => worker.description === null || !names.has(worker.description.model));
    if (others.length > 0) {
      const card = this.#card("others");
      card.head.replaceChildren(el("h2", {}, "Other workers"), el("p", { class: "dim" }, "Of no ensemble, or not known yet."));
      card.body.replaceChildren(...others.flatMap(replicaRows));
      shown.push(card);
    }
    const elements = shown.map((card) => card.element);
    const isSame = elements.length === this.element.children.length && elements.every((element, at) => this.element.children[at] === element);
    if (!isSame) this.element.replaceChildren(...elements);
  }

  #card(name: string): Card {
    const known = this.#cards.get(name);
    if (known !== undefined) return known;
    const head = el("header", { class: "tall" });
    const body = el("tbody");
    const columns = REPLICA_COLUMNS.map(([title, isNumber]) => th("col", { class: isNumber ? "number" : undefined }, title));
    const table = el("table", { class: "replicas" }, el("thead", {}, el("tr", {}, ...columns)), body);
    const card = { head, body, element: el("section", { class: "card", "aria-label": name }, head, scrolling(`Workers, ${name}`, table)) };
    this.#cards.set(name, card);
    return card;
  }
}

function heading(ensemble: Ensemble): HTMLElement[] {
  const rules = [
    many(ensemble.members.length, "member"),
    `${ensemble.segmentTokens} tokens a segment`,
    `score ${ensemble.score}`,
    `exit ${ensemble.exit}`,
    `weights ${ensemble.weights}`,
    many(ensemble.strategies.length, "strategy").replace("strategys", "strategies"),
    `by default ${ensemble.defaultStrategy}`,
  ];
  return [
    el("h2", {}, ensemble.name, " ", el("span", { class: ensemble.isReady ? "mark win" : "mark out" }, ensemble.isReady ? "ready" : "not ready")),
    el("p", { class: "dim" }, rules.join(" · ")),
  ];
}

function memberRows(member: string, cluster: Cluster, palette: Palette): HTMLElement[] {
  const replicas: Worker[] = cluster.workers.filter((worker) => worker.description?.model === member);
  const activity = cluster.activity.members.find((known) => known.member === member);
  const told =
    activity === undefined
      ? "nothing in the last minute"
      : `drafts ${decimal(activity.draftedPerSecond)} tokens/s · scores ${decimal(activity.scoredPerSecond)} tokens/s · won ${many(activity.segmentsWon, "segment")}`;
  const replicaCount = replicas.length === 0 ? "nobody serves it" : many(replicas.length, "replica");
  const head = el(
    "tr",
    { class: "group" },
    el("th", { scope: "rowgroup", colspan: REPLICA_COLUMNS.length }, el("div", { class: "stick" }, palette.chip(member), el("span", { class: "dim" }, `${replicaCount} · ${told}`))),
  );
  return [head, ...replicas.flatMap(replicaRows)];
}

