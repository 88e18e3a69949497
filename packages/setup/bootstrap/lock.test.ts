import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { acquireLock, isAlive, LockHeldError, lockHolder, processIdentity } from "./lock.mjs";

let folder = "";
let path = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-lock-"));
  path = join(folder, "deeper", "x.lock");
});
afterEach(() => rm(folder, { recursive: true }));

/** Returns the identity of a process that has ended. */
async function deadProcess() {
  const child = spawn("sleep", ["60"]);
  const identity = await processIdentity(child.pid ?? 0);
  child.kill("SIGKILL");
  await once(child, "exit");
  return identity ?? { pid: 0, startedAt: "" };
}

describe("acquireLock", () => {
  test("acquireLock names the holder and stores data until the release", async () => {
    const lock = await acquireLock(path, { data: { apiUrl: "http://here" } });
    expect(await lockHolder(path)).toMatchObject({ pid: process.pid, apiUrl: "http://here" });
    await lock.release();
    expect(await lockHolder(path)).toBeUndefined();
    expect(await readdir(join(folder, "deeper"))).toEqual([]);
  });

  test("acquireLock refuses a held lock at once, and reports the holder", async () => {
    await using _lock = await acquireLock(path, { data: { name: "first" } });
    const refusal = await acquireLock(path).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(LockHeldError);
    expect((refusal as LockHeldError).holder).toMatchObject({ pid: process.pid, name: "first" });
  });

  test("acquireLock waits for the holder and calls onWait once", async () => {
    const first = await acquireLock(path);
    const holders: number[] = [];
    const second = acquireLock(path, { waitMs: 10_000, onWait: (holder) => holders.push(holder.pid) });
    await expect.poll(() => holders).toEqual([process.pid]);
    await first.release();
    await (await second).release();
    expect(holders).toHaveLength(1);
  });

  test("a lock has one holder at a time under concurrent acquisition", async () => {
    let inside = 0;
    const counts: number[] = [];
    const enter = async () => {
      await using _lock = await acquireLock(path, { waitMs: 30_000 });
      inside += 1;
      counts.push(inside);
      await Promise.resolve();
      inside -= 1;
    };
    await Promise.all(Array.from({ length: 8 }, enter));
    expect(counts).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
  });

  test.each(["the holder is dead", "the file is not a lock"])(
    "a lock is taken over once when %s",
    async (reason) => {
      await (await acquireLock(path)).release();
      await writeFile(path, reason === "the file is not a lock" ? "?" : JSON.stringify(await deadProcess()));
      expect(await lockHolder(path)).toBeUndefined();
      const tries = await Promise.allSettled(Array.from({ length: 6 }, () => acquireLock(path)));
      expect(tries.filter((one) => one.status === "fulfilled")).toHaveLength(1);
    },
  );
});

describe("isAlive", () => {
  test("isAlive does not take a later process with the same pid for the earlier one", async () => {
    const own = await processIdentity(process.pid);
    expect(await isAlive(own ?? { pid: 0, startedAt: "" })).toBe(true);
    expect(await isAlive({ pid: process.pid, startedAt: "another boot:1" })).toBe(false);
    expect(await isAlive(await deadProcess())).toBe(false);
  });
});
