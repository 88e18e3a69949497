import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { poll } from "@slipway/async";
import { processIdentity } from "../../bootstrap/lock.mjs";
import { waitForExit } from "../services/services.ts";
import { collectGarbage, findGarbage, runHere, usedBytes } from "./collector.ts";
import type { RegistryHost } from "./collector.ts";

const digest = "ab".repeat(32);
const never = new AbortController().signal;
let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-gc-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** A registry whose program is a script with this body. */
async function hostWith(body: string): Promise<RegistryHost> {
  const program = join(folder, "registry");
  await writeFile(program, `#!/bin/sh\n${body}\n`);
  await chmod(program, 0o755);
  const run = runHere(async (command) => command);
  return { name: "the registry", program, configuration: "config.yml", storage: folder, run };
}

/** A script that writes its process id, reports a blob, and does not end by itself. */
const endless = `echo $$ >"$(dirname "$0")/pid.new" && mv "$(dirname "$0")/pid.new" "$(dirname "$0")/pid"
echo "blob eligible for deletion: sha256:${digest}"
exec sleep 600`;

async function runningCollector() {
  const read = () => readFile(join(folder, "pid"), "utf8").catch(() => undefined);
  const pid = await poll(read, { everyMs: 10 });
  const identity = await processIdentity(Number(pid));
  if (identity === undefined) throw new Error("the collection does not run");
  return identity;
}

test("the collection reports the blobs that the program deletes", async () => {
  const host = await hostWith(`[ "$*" = "garbage-collect config.yml" ] || exit 9
echo "apps/a: marking blob sha256:${"cd".repeat(32)}"
echo "blob eligible for deletion: sha256:${digest}"`);
  const confirmation = { everyMs: 10, confirm: async () => true, signal: never };
  expect(await collectGarbage(host, confirmation)).toEqual({ blobs: [digest] });
});

test("a failure of the program is reported with what it wrote", async () => {
  const host = await hostWith("echo 'failed to mark: no such manifest' >&2; exit 3");
  const confirmation = { everyMs: 10, confirm: async () => true, signal: never };
  await expect(collectGarbage(host, confirmation)).rejects.toThrow(
    "Garbage collection of the registry failed with exit code 3: failed to mark: no such manifest",
  );
});

test("the collection is killed when the hold on pushes is lost", async () => {
  const host = await hostWith(endless);
  let isHeld = true;
  const collection = collectGarbage(host, { everyMs: 10, confirm: async () => isHeld, signal: never });
  const failure = collection.catch((error: unknown) => error);
  const collector = await runningCollector();
  isHeld = false;
  expect(await failure).toMatchObject({ message: expect.stringContaining("The hold on pushes was lost") });
  expect(await waitForExit(collector, 0)).toBe(true);
});

test("an abort kills the collection, and is the reason of its failure", async () => {
  const host = await hostWith(endless);
  const stopped = new AbortController();
  const confirmation = { everyMs: 60_000, confirm: async () => true, signal: stopped.signal };
  const failure = collectGarbage(host, confirmation).catch((error: unknown) => error);
  const collector = await runningCollector();
  stopped.abort(new Error("stopped by the operator"));
  expect(await failure).toMatchObject({ message: "stopped by the operator" });
  expect(await waitForExit(collector, 0)).toBe(true);
});

test("a dry run adds up the sizes of the blobs, and the folder's size is that on disk", async () => {
  const host = await hostWith(`[ "$2" = --dry-run ] || exit 9
mkdir -p "${folder}/docker/registry/v2/blobs/sha256/ab/${digest}"
head -c 5000 /dev/zero >"${folder}/docker/registry/v2/blobs/sha256/ab/${digest}/data"
echo "blob eligible for deletion: sha256:${digest}"`);
  expect(await findGarbage(host)).toEqual({ blobs: [digest], bytes: 5000 });
  expect(await usedBytes(host)).toBeGreaterThanOrEqual(8192);
});
