// The page of the cluster: read every two seconds while it is shown.

import { call, inWords } from "../api/http.ts";
import { el } from "../dom.ts";
import { type Cluster, readCluster } from "../model/cluster.ts";
import { count, decimal, fixed, seconds } from "../model/format.ts";
import type { Page } from "../page.ts";
import { EnsembleCards } from "../view/ensembles.ts";
import { failure } from "./parts.ts";

const PERIOD = 2000;

export function clusterPage(): Page {
  const problem = el("div");
  const figures = el("dl", { class: "figures card" });
  const cards = new EnsembleCards();
  let stop: AbortController | null = null;

  const poll = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      try {
        const response = await call("/v1/specfuse/cluster", { signal });
        const cluster = readCluster(await response.text());
        if (signal.aborted) return;
        problem.replaceChildren();
        figures.replaceChildren(...overview(cluster));
        cards.update(cluster);
      } catch (error) {
        if (signal.aborted) return;
        problem.replaceChildren(failure(inWords(error), start));
        return;
      }
      await pause(PERIOD, signal);
    }
  };

  const start = (): void => {
    stop?.abort();
    stop = new AbortController();
    void poll(stop.signal);
  };

  return {
    element: el("div", { class: "page" }, el("h1", { class: "unseen" }, "Cluster"), problem, figures, cards.element),
    title: "Cluster",
    enter: start,
    leave: () => stop?.abort(),
  };
}

function overview(cluster: Cluster): HTMLElement[] {
  const { activity } = cluster;
  const figure = (name: string, value: string): HTMLElement => el("div", {}, el("dt", {}, name), el("dd", {}, value));
  const ready = cluster.workers.filter((worker) => worker.state === "ready").length;
  return [
    figure("workers ready", `${ready} of ${cluster.workers.length}`),
    figure("answers running", count(cluster.running)),
    figure("answers waiting", count(cluster.waiting)),
    figure(`answers in ${seconds(activity.seconds)}`, count(activity.answers)),
    figure("tokens/s", decimal(activity.tokensPerSecond)),
    figure("members / round", activity.membersPerRound === null ? "–" : fixed(activity.membersPerRound, 2)),
    figure("list of workers", cluster.discoverySeconds === null ? "fixed" : `${seconds(cluster.discoverySeconds)} old`),
  ];
}

function pause(duration: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, duration);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
