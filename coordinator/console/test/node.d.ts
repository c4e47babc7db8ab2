// As much of Node's own modules as the tests use.

declare module "node:test" {
  export function test(name: string, run: () => void | Promise<void>): void;
}

declare module "node:assert/strict" {
  export function equal(actual: unknown, expected: unknown, message?: string): void;
  export function deepEqual(actual: unknown, expected: unknown, message?: string): void;
  export function throws(run: () => unknown, expected: RegExp): void;
  export function ok(value: unknown, message?: string): void;
}
