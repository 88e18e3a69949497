import { expect, test } from "vitest";
import { contentOf, directory, file } from "../test-support/entries.ts";
import { readEntries } from "./read-entries.ts";
import { TarWriter } from "./tar-writer.ts";
import { writeEntries } from "./write-entries.ts";

test("two writers split one stream of entries by path, with times of their own", async () => {
  const source = [directory("app"), file("app/node_modules/a", "a".repeat(300_000)), file("app/b", "b")];
  const [dependencies, rest] = [new TarWriter(), new TarWriter()];
  async function split(): Promise<void> {
    for await (const entry of readEntries(writeEntries(source), {})) {
      if (entry.kind === "other") continue;
      const writer = entry.path.includes("node_modules/") ? dependencies : rest;
      await writer.add({ ...entry, mtime: new Date(entry.sizeBytes * 1000) });
    }
    await Promise.all([dependencies.end(), rest.end()]);
  }
  const [, first, second] = await Promise.all([
    split(),
    contentOf(dependencies.bytes),
    contentOf(rest.bytes),
  ]);
  expect(first).toEqual([["file", "app/node_modules/a", "", "a".repeat(300_000)]]);
  expect(second).toEqual([
    ["directory", "app/", "", ""],
    ["file", "app/b", "", "b"],
  ]);
});

test("content is read only as fast as the tar", async () => {
  let readBytes = 0;
  async function* body(): AsyncGenerator<Uint8Array> {
    for (; readBytes < 2 ** 24; readBytes += 2 ** 16) yield Buffer.alloc(2 ** 16);
  }
  const writer = new TarWriter();
  const added = writer.add({ ...file("large"), sizeBytes: 2 ** 24, body: body() });
  for await (const _ of writer.bytes) break;
  await expect(added).rejects.toThrow("The tar was not read to its end.");
  expect(readBytes).toBeLessThan(2 ** 20);
});

test("a writer that fails passes its error on to the reader", async () => {
  const writer = new TarWriter();
  const read = contentOf(writer.bytes);
  const failure = new Error("the export ended early");
  await Promise.all([
    expect(read).rejects.toBe(failure),
    writer.add(file("a")).then(() => writer.fail(failure)),
  ]);
});

test("a writer that fails before it is read passes its error on as well", async () => {
  const writer = new TarWriter();
  const failure = new Error("the export was refused");
  await writer.fail(failure);
  await expect(contentOf(writer.bytes)).rejects.toBe(failure);
});
