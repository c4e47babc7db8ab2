// The form of a question. It knows what the cluster offers, and gives only what can be asked.

import type { Question } from "../api/ask.ts";
import { el } from "../dom.ts";
import { type Cluster, defaultEnsemble, type Ensemble } from "../model/cluster.ts";
import { field } from "./field.ts";
import { Rules } from "./rules.ts";

export interface FormEvents {
  readonly ask: (question: Question, ensemble: Ensemble) => void;
  readonly stop: () => void;
}

const MOST_SEED = Number.MAX_SAFE_INTEGER;

export class QuestionForm {
  readonly element: HTMLFormElement;
  readonly #ensemble = el("select", { id: "ensemble", name: "ensemble" });
  readonly #strategy = el("select", { id: "strategy", name: "strategy" });
  readonly #system = el("textarea", { id: "system", name: "system", rows: 2 });
  readonly #question = el("textarea", { id: "question", name: "question", rows: 3, required: true, "aria-describedby": "question-hint" });
  readonly #maxTokens = el("input", { id: "max-tokens", name: "max-tokens", type: "number", min: 1, step: 1, inputmode: "numeric" });
  readonly #temperature = el("input", { id: "temperature", name: "temperature", type: "number", min: 0, max: 2, step: "any", placeholder: "0", inputmode: "decimal" });
  readonly #seed = el("input", { id: "seed", name: "seed", type: "number", min: 0, max: MOST_SEED, step: 1, placeholder: "any", inputmode: "numeric" });
  readonly #rules = new Rules();
  readonly #ask = el("button", { type: "submit", class: "primary", disabled: true }, "Ask");
  readonly #stop = el("button", { type: "button", disabled: true }, "Stop");
  #ensembles: readonly Ensemble[] = [];
  #isBusy = false;

  constructor(events: FormEvents) {
    this.element = el(
      "form",
      { class: "card ask", "aria-label": "Question" },
      field("Question", this.#question),
      el("details", {}, el("summary", {}, "System message"), field("System message", this.#system, "unseen")),
      el(
        "div",
        { class: "settings" },
        field("Ensemble", this.#ensemble),
        field("Strategy", this.#strategy),
        field("Max tokens", this.#maxTokens),
        field("Temperature", this.#temperature),
        field("Seed", this.#seed),
      ),
      this.#rules.element,
      el("div", { class: "actions" }, el("span", { id: "question-hint", class: "note" }, "Ctrl + Enter asks"), this.#stop, this.#ask),
    );
    this.#ensemble.addEventListener("change", () => this.#showStrategies());
    this.#strategy.addEventListener("change", () => this.#showRules());
    this.#stop.addEventListener("click", events.stop);
    this.#question.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      if (!this.#ask.disabled) this.element.requestSubmit();
    });
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      const ensemble = this.#chosen();
      if (ensemble !== undefined && !this.#isBusy) events.ask(this.#read(ensemble), ensemble);
    });
  }

  offer(cluster: Cluster): void {
    const chosen = this.#chosen()?.name ?? defaultEnsemble(cluster)?.name;
    this.#ensembles = cluster.ensembles;
    this.#ensemble.replaceChildren(
      ...cluster.ensembles.map(({ name, isReady }) =>
        el("option", { value: name, selected: name === chosen }, isReady ? name : `${name} (not ready)`),
      ),
    );
    this.#showStrategies();
    this.#enable();
  }

  /** An answer is being written: it can be stopped, and nothing else asked. */
  busy(isBusy: boolean): void {
    const hadFocus = document.activeElement === this.#ask || document.activeElement === this.#stop;
    this.#isBusy = isBusy;
    this.#enable();
    if (hadFocus) (isBusy ? this.#stop : this.#ask).focus();
  }

  #enable(): void {
    this.#ask.disabled = this.#isBusy || this.#ensembles.length === 0;
    this.#stop.disabled = !this.#isBusy;
  }

  #chosen(): Ensemble | undefined {
    return this.#ensembles.find((ensemble) => ensemble.name === this.#ensemble.value);
  }

  #showStrategies(): void {
    const ensemble = this.#chosen();
    if (ensemble === undefined) return;
    const before = this.#strategy.value;
    const kept = ensemble.strategies.some(({ name }) => name === before) ? before : ensemble.defaultStrategy;
    this.#strategy.replaceChildren(
      ...ensemble.strategies.map(({ name, kind }) => {
        const isDefault = name === ensemble.defaultStrategy ? " (default)" : "";
        const shown = name === kind || name.startsWith(`${kind}/`) ? name : `${name} · ${kind}`;
        return el("option", { value: name, selected: name === kept }, shown + isDefault);
      }),
    );
    this.#maxTokens.placeholder = String(ensemble.defaultMaxTokens);
    this.#maxTokens.max = String(ensemble.maxTokensLimit);
    this.#showRules();
  }

  #showRules(): void {
    const ensemble = this.#chosen();
    if (ensemble !== undefined) this.#rules.offer(ensemble, this.#strategy.value);
  }

  #read(ensemble: Ensemble): Question {
    const number = (input: HTMLInputElement): number | null => (input.value === "" ? null : input.valueAsNumber);
    return {
      ensemble: ensemble.name,
      strategy: this.#strategy.value,
      system: this.#system.value,
      question: this.#question.value,
      maxTokens: number(this.#maxTokens),
      temperature: number(this.#temperature),
      seed: number(this.#seed),
      rules: this.#rules.read(),
    };
  }
}
