import { expect, test } from "vitest";
import { wholeLines } from "./line-cutter.ts";

async function* pieces(...texts: (string | Error)[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) {
    if (text instanceof Error) throw text;
    yield Buffer.from(text);
  }
}

async function collect(output: AsyncIterable<Uint8Array>): Promise<string[]> {
  const texts: string[] = [];
  for await (const bytes of output) texts.push(Buffer.from(bytes).toString());
  return texts;
}

test("every piece ends with a line end, also the last", async () => {
  expect(await collect(wholeLines(pieces("a", "b\nc", "", "\nd\ne")))).toEqual(["ab\n", "c\nd\n", "e\n"]);
});

test("an unfinished line is passed on when it exceeds the limit", async () => {
  const [first, ...rest] = await collect(wholeLines(pieces("x".repeat(65_536), "y", "\n")));
  expect(first).toHaveLength(65_537);
  expect(rest).toEqual(["\n"]);
});

test("output before a failure is passed on, then the failure", async () => {
  const seen: string[] = [];
  const reading = (async () => {
    for await (const bytes of wholeLines(pieces("a\nb", new Error("connection lost")))) {
      seen.push(Buffer.from(bytes).toString());
    }
  })();
  await expect(reading).rejects.toThrow("connection lost");
  expect(seen).toEqual(["a\n", "b\n"]);
});
