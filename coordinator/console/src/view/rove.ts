// One stop of the Tab key for a row of many things; arrow keys move inside it.

const STEPS: Record<string, number> = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

export class Rove {
  readonly #items: HTMLElement[] = [];

  constructor(row: HTMLElement) {
    row.addEventListener("keydown", (event) => this.#key(event));
    row.addEventListener("focusin", (event) => {
      const at = this.#items.findIndex((item) => item === event.target);
      if (at >= 0) this.#stopAt(at);
    });
  }

  add(item: HTMLElement): void {
    item.tabIndex = this.#items.length === 0 ? 0 : -1;
    this.#items.push(item);
  }

  #key(event: KeyboardEvent): void {
    const at = this.#items.findIndex((item) => item === document.activeElement);
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const last = this.#items.length - 1;
    const step = STEPS[event.key];
    const to = event.key === "Home" ? 0 : event.key === "End" ? last : step === undefined ? null : at + step;
    if (to === null) return;
    event.preventDefault();
    this.#items[Math.min(last, Math.max(0, to))]?.focus();
  }

  #stopAt(at: number): void {
    this.#items.forEach((item, other) => {
      item.tabIndex = other === at ? 0 : -1;
    });
  }
}
