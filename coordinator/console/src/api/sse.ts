// Server-sent events out of a body that comes in pieces. A piece may end anywhere: inside a character, a line or an event.

/** Keeps what is unfinished until the next piece. Only the fields `data` are read: nothing else is sent here. */
export class EventReader {
  readonly #decoder = new TextDecoder();
  #rest = "";
  #data: string[] = [];

  /** The payloads of the events that this piece completes. */
  push(piece: Uint8Array): string[] {
    return this.#lines(this.#decoder.decode(piece, { stream: true }));
  }

  /** What a body that ends without its last empty line has left. */
  end(): string[] {
    const events = this.#lines(this.#decoder.decode());
    if (this.#rest !== "") events.push(...this.#lines("\n"));
    return [...events, ...this.#dispatch()];
  }

  #lines(text: string): string[] {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    return lines.flatMap((line) => this.#line(line.endsWith("\r") ? line.slice(0, -1) : line));
  }

  #line(line: string): string[] {
    if (line === "") return this.#dispatch();
    if (line.startsWith("data:")) this.#data.push(line.slice(line.startsWith("data: ") ? 6 : 5));
    return [];
  }

  #dispatch(): string[] {
    if (this.#data.length === 0) return [];
    const event = this.#data.join("\n");
    this.#data = [];
    return [event];
  }
}

/** The payloads of a body, as they come. */
export async function* events(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const pieces = body.getReader();
  const reader = new EventReader();
  try {
    for (;;) {
      const { done, value } = await pieces.read();
      yield* done ? reader.end() : reader.push(value);
      if (done) return;
    }
  } finally {
    pieces.releaseLock();
  }
}
