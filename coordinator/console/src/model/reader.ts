// JSON from outside, read field by field: what is not as it should be is named by its path, and nothing unchecked goes further.

/** A text that is no JSON, or JSON of another shape. */
export class Unreadable extends Error {
  override name = "Unreadable";
}

/** One value and where it was found. */
export class Reader {
  readonly #value: unknown;
  readonly #path: string;

  constructor(value: unknown, path = "") {
    this.#value = value;
    this.#path = path;
  }

  static parse(json: string): Reader {
    try {
      return new Reader(JSON.parse(json));
    } catch {
      throw new Unreadable("this is not JSON");
    }
  }

  get raw(): unknown {
    return this.#value;
  }

  get isAbsent(): boolean {
    return this.#value === null || this.#value === undefined;
  }

  has(name: string): boolean {
    return !this.field(name).isAbsent;
  }

  field(name: string): Reader {
    if (typeof this.#value !== "object" || this.#value === null || Array.isArray(this.#value)) throw this.#not("an object");
    const value: unknown = Object.hasOwn(this.#value, name) ? Reflect.get(this.#value, name) : undefined;
    return new Reader(value, this.#path === "" ? name : `${this.#path}.${name}`);
  }

  text(): string {
    if (typeof this.#value !== "string") throw this.#not("a text");
    return this.#value;
  }

  number(): number {
    if (typeof this.#value !== "number") throw this.#not("a number");
    return this.#value;
  }

  boolean(): boolean {
    if (typeof this.#value !== "boolean") throw this.#not("true or false");
    return this.#value;
  }

  list<T>(read: (item: Reader) => T): T[] {
    if (!Array.isArray(this.#value)) throw this.#not("a list");
    return this.#value.map((item: unknown, at) => read(new Reader(item, `${this.#path}[${at}]`)));
  }

  texts(): string[] {
    return this.list((item) => item.text());
  }

  numbers(): number[] {
    return this.list((item) => item.number());
  }

  optional<T>(read: (value: Reader) => T): T | null {
    return this.isAbsent ? null : read(this);
  }

  #not(what: string): Unreadable {
    return new Unreadable(`${this.#path === "" ? "this" : this.#path} is not ${what}`);
  }
}
