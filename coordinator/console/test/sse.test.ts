// The reader of server-sent events, with bodies cut wherever they can be cut.

import { deepEqual } from "node:assert/strict";
import { test } from "node:test";
import { EventReader, events } from "../src/api/sse.ts";

const BODY = 'data: {"a":"größer → 😀"}\n\n: a comment\r\nevent: x\ndata:two\r\ndata: lines\r\n\r\nid: 7\n\ndata: [DONE]\n\n';
const EVENTS = ['{"a":"größer → 😀"}', "two\nlines", "[DONE]"];

function read(...pieces: Uint8Array[]): string[] {
  const reader = new EventReader();
  return [...pieces.flatMap((piece) => reader.push(piece)), ...reader.end()];
}

test("a body is read alike wherever it is cut in two", () => {
  const bytes = new TextEncoder().encode(BODY);
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    deepEqual(read(bytes.slice(0, cut), bytes.slice(cut)), EVENTS, `cut at ${cut}`);
  }
});

test("a body is read alike wherever it is cut in three", () => {
  const bytes = new TextEncoder().encode(BODY);
  for (let first = 0; first <= bytes.length; first += 1) {
    for (let second = first; second <= bytes.length; second += 1) {
      deepEqual(read(bytes.slice(0, first), bytes.slice(first, second), bytes.slice(second)), EVENTS, `cut at ${first} and ${second}`);
    }
  }
});

test("a body is read byte by byte", () => {
  deepEqual(read(...[...new TextEncoder().encode(BODY)].map((byte) => Uint8Array.of(byte))), EVENTS);
});

test("events come as soon as they are complete", () => {
  const reader = new EventReader();
  deepEqual(reader.push(new TextEncoder().encode("data: one\n\ndata: tw")), ["one"]);
  deepEqual(reader.push(new TextEncoder().encode("o\n\n")), ["two"]);
});

test("a last event without its empty line is read at the end", () => {
  for (const end of ["data: last", "data: last\n", "data: last\r\n"]) deepEqual(read(new TextEncoder().encode(end)), ["last"]);
});

test("the events of a stream come in their order", async () => {
  const body = new Blob([BODY]).stream();
  const heard: string[] = [];
  for await (const event of events(body)) heard.push(event);
  deepEqual(heard, EVENTS);
});
