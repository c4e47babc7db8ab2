// Elements made by calls. Text only ever becomes a text node, so nothing that a model says is read as markup.

type Attributes = Record<string, string | number | boolean | undefined>;
export type Child = Node | string | null;

export function el<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Attributes = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  set(element, attributes);
  element.append(...children.filter((child) => child !== null));
  return element;
}

export function svg<K extends keyof SVGElementTagNameMap>(tag: K, attributes: Attributes = {}, ...children: Child[]): SVGElementTagNameMap[K] {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  set(element, attributes);
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** True is an attribute without a value; false and undefined are none. */
function set(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
}

/** A table cell that heads its row or its column. */
export function th(scope: "row" | "col", attributes: Attributes, ...children: Child[]): HTMLTableCellElement {
  return el("th", { scope, ...attributes }, ...children);
}

/** Tables scroll inside their box, never the page; whoever uses the keyboard can reach the box. */
export function scrolling(label: string, table: HTMLTableElement): HTMLElement {
  return el("div", { class: "scroll", role: "region", "aria-label": label, tabindex: 0 }, table);
}
