import { setImmediate as turn } from "node:timers/promises";
import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { wholeTar } from "./transfer.ts";

const never = new AbortController().signal;

/** An endless archive. */
function endless(): Readable {
  return Readable.from(
    (async function* () {
      for (;;) {
        await turn();
        yield Buffer.alloc(512);
      }
    })(),
  );
}

async function read(stream: AsyncIterable<Uint8Array>): Promise<number> {
  let bytes = 0;
  for await (const chunk of stream) bytes += chunk.length;
  return bytes;
}

test("files that the engine needs too long to pack are the build's fault", async () => {
  const stream = endless();
  const tar = wholeTar(stream, { maxBytes: Number.MAX_SAFE_INTEGER, maxWaitMs: 20, signal: never });
  await expect(read(tar)).rejects.toMatchObject({ code: "build-failed" });
  expect(stream.destroyed).toBe(true);
});

test("files beyond the limit are the build's fault", async () => {
  const stream = endless();
  await expect(read(wholeTar(stream, { maxBytes: 4096, signal: never }))).rejects.toMatchObject({
    code: "build-disk-full",
  });
  expect(stream.destroyed).toBe(true);
});

test("a stream that ends before its archive is the engine's fault", async () => {
  const tar = wholeTar(Readable.from([Buffer.from("x")]), { maxBytes: 4096, signal: never });
  await expect(read(tar)).rejects.toMatchObject({ code: "engine-unavailable" });
});

test("a whole archive is passed on", async () => {
  const tar = wholeTar(Readable.from([Buffer.alloc(1024)]), { maxBytes: 4096, signal: never });
  expect(await read(tar)).toBe(1024);
});
