import { MongoServerError } from "mongodb";
import { expect, test } from "vitest";
import { insertNumbered } from "./numbered.ts";

/** Unique numbers, and documents by id; calls are counted. */
class Numbers {
  readonly ids = new Map<string, number>();
  readonly calls = { stored: 0, inserts: 0 };

  create(id: string, signal = new AbortController().signal): Promise<number> {
    return insertNumbered<number>({
      stored: async () => {
        this.calls.stored += 1;
        return this.ids.get(id) ?? null;
      },
      lastNumber: async () => this.ids.size,
      insert: async (number) => {
        this.calls.inserts += 1;
        if (this.ids.has(id) || number <= this.ids.size) throw new MongoServerError({ code: 11_000 });
        this.ids.set(id, number);
        return number;
      },
      signal,
    });
  }
}

test("concurrent creates get each number once, and look for their own document once", async () => {
  const numbers = new Numbers();
  const ids = Array.from({ length: 100 }, (_, index) => `id-${index}`);
  const given = await Promise.all(ids.map((id) => numbers.create(id)));
  expect(given.toSorted((a, b) => a - b)).toEqual(ids.map((_, index) => index + 1));
  expect(numbers.calls.stored).toBe(ids.length);
});

test("the same create many times at once makes one document", async () => {
  const numbers = new Numbers();
  const given = await Promise.all(Array.from({ length: 20 }, () => numbers.create("id")));
  expect(new Set(given)).toEqual(new Set([1]));
});

test("a create ends when its signal aborts", async () => {
  const numbers = new Numbers();
  const reason = new Error("too late");
  await expect(numbers.create("id", AbortSignal.abort(reason))).rejects.toBe(reason);
  expect(numbers.calls.inserts).toBe(0);
});
