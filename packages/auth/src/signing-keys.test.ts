import { mkdtemp, rename, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openSigningKeys } from "./signing-keys.ts";

const [first, second] = ["1".repeat(64), "2".repeat(64)];
const failOnError = (error: unknown) => {
  throw error;
};

let directory: string;
let file: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "slipway-keys-"));
  file = join(directory, "signing-keys");
});
afterEach(() => rm(directory, { recursive: true }));

const replace = async (text: string) => {
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
};
const ids = (keys: ReturnType<typeof openSigningKeys>) => keys.keys().map(({ jwtKeyId }) => jwtKeyId);

test("the newest key is the first, and each has its own id", () => {
  const both = openSigningKeys({ from: [second, first], onError: failOnError });
  expect(ids(both)).toEqual([
    ...ids(openSigningKeys({ from: [second], onError: failOnError })),
    ...ids(openSigningKeys({ from: [first], onError: failOnError })),
  ]);
});

test("a replaced file is read at the next use", async () => {
  await replace(`${first}\n`);
  const keys = openSigningKeys({ from: { file }, onError: failOnError });
  const [old] = ids(keys);
  await replace(`${second}\n\n  ${first}  \n`);
  expect(ids(keys)).toEqual([expect.any(String), old]);
});

test("an invalid or missing file is reported once, and the last keys stay in use", async () => {
  await replace(`${first}\n`);
  const reported: unknown[] = [];
  const keys = openSigningKeys({ from: { file }, onError: (error) => reported.push(error) });
  const before = ids(keys);
  await replace("short\n");
  expect(ids(keys)).toEqual(before);
  await rm(file);
  expect(ids(keys)).toEqual(before);
  expect(reported).toHaveLength(2);
  await replace(`${second}\n`);
  expect(ids(keys)).not.toEqual(before);
});

test("an unreadable file is reported once, and read once it is readable", async () => {
  await replace(`${first}\n`);
  const reported: unknown[] = [];
  const keys = openSigningKeys({ from: { file }, onError: (error) => reported.push(error) });
  const before = ids(keys);
  const unchangedAt = new Date(1_700_000_000_000);
  const write = async (text: string) => {
    await writeFile(file, text);
    await utimes(file, unchangedAt, unchangedAt);
  };
  await write(`short${"\n".repeat(second.length - 4)}`);
  for (const _use of [1, 2, 3]) expect(ids(keys)).toEqual(before);
  expect(reported).toHaveLength(1);
  // Only the content reveals the change.
  await write(`${second}\n`);
  expect(ids(keys)).not.toEqual(before);
  expect(reported).toHaveLength(1);
});

test("a missing or short key is an invalid configuration", async () => {
  const open = (from: readonly string[] | { file: string }) =>
    openSigningKeys({ from, onError: failOnError });
  const invalid = expect.objectContaining({ code: "configuration-invalid" }) as Error;
  expect(() => open([])).toThrow(invalid);
  expect(() => open([first, "short"])).toThrow(/at least 32/);
  expect(() => open({ file })).toThrow(invalid);
  await replace("\n");
  expect(() => open({ file })).toThrow(/has no signing key/);
});
