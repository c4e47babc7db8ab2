// Departures from a strategy's rules, as far as the ensemble lets clients ask for them. What is left empty stays as the strategy has it.

import { el } from "../dom.ts";
import type { Ensemble } from "../model/cluster.ts";
import { field } from "./field.ts";

interface Rule {
  /** As the request and the ensemble's `adjustable` call it. */
  readonly name: string;
  readonly label: string;
  /** Of a number, its bounds; of a word, the words. */
  readonly values: { readonly min: number; readonly max?: number; readonly step: number | "any" } | readonly string[];
}

const RULES: readonly Rule[] = [
  { name: "segment_tokens", label: "Segment tokens", values: { min: 1, max: 256, step: 1 } },
  { name: "min_members", label: "Least members", values: { min: 1, step: 1 } },
  { name: "exit", label: "Exit", values: ["cumulative", "no_entropy", "never"] },
  { name: "theta", label: "Theta", values: { min: 0, max: 1, step: "any" } },
  { name: "tau", label: "Tau", values: { min: 0, step: "any" } },
  { name: "score", label: "Score", values: ["mean_logprob", "mean_prob"] },
];

/** What has an effect on answers of a kind; the coordinator refuses the rest. */
const EFFECTIVE: Readonly<Record<string, readonly string[]>> = {
  fuse: RULES.map((rule) => rule.name),
  single: ["segment_tokens"],
  self_fuse: ["segment_tokens"],
  mixture: ["segment_tokens"],
  route: ["segment_tokens"],
};
const UNCHANGED = "as it is";

export class Rules {
  readonly element = el("details", { hidden: true });
  readonly #fields = el("div", { class: "settings thirds" });
  #offered = "";

  constructor() {
    this.element.append(el("summary", {}, "Rules"), this.#fields);
  }

  /** Values that were given stay where the same can be asked for. */
  offer(ensemble: Ensemble, strategy: string): void {
    const kind = ensemble.strategies.find(({ name }) => name === strategy)?.kind ?? "";
    const effective = EFFECTIVE[kind] ?? [];
    const rules = RULES.filter((rule) => effective.includes(rule.name) && ensemble.adjustable.includes(rule.name));
    const offered = `${ensemble.name}: ${rules.map((rule) => rule.name).join()}`;
    if (offered === this.#offered) return;
    this.#offered = offered;
    this.element.hidden = rules.length === 0;
    this.#fields.replaceChildren(...rules.map((rule) => field(rule.label, control(rule, ensemble))));
  }

  read(): Record<string, string | number> {
    const controls = [...this.#fields.querySelectorAll<HTMLInputElement | HTMLSelectElement>("input, select")];
    const given = controls.filter((known) => known.value !== "");
    return Object.fromEntries(given.map((known) => [known.name, known instanceof HTMLInputElement ? known.valueAsNumber : known.value]));
  }
}

function control(rule: Rule, ensemble: Ensemble): HTMLElement {
  const id = `rule-${rule.name}`;
  if ("min" in rule.values) {
    const { min, step } = rule.values;
    const max = rule.name === "min_members" ? ensemble.members.length : rule.values.max;
    return el("input", { id, name: rule.name, type: "number", min, max, step, placeholder: UNCHANGED });
  }
  const words = rule.values.map((word) => el("option", { value: word }, word));
  return el("select", { id, name: rule.name }, el("option", { value: "" }, UNCHANGED), ...words);
}
