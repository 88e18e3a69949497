import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { pushImage, startRegistry } from "@slipway/testkit";
import type { TestRegistry } from "@slipway/testkit";
import { collectGarbage, runHere } from "./collector.ts";
import type { RegistryHost } from "./collector.ts";
import { removeDamagedManifests } from "./damaged-manifests.ts";

let registry: TestRegistry;
let host: RegistryHost;
let digest: string;
beforeEach(async () => {
  registry = await startRegistry();
  const storage = resolve(registry.repositories, "../../../..");
  const configuration = join(storage, "../config.yml");
  const run = runHere(async (command) => command);
  host = { name: "the registry", program: "docker-registry", configuration, storage, run };
  digest = await push("d1", "damaged");
});
afterEach(() => registry[Symbol.asyncDispose]());

const push = (tag: string, layer: string) =>
  pushImage(registry.url, { repository: "apps/a", tag, layer: Buffer.from(layer) });
const confirmation = { everyMs: 1_000, confirm: async () => true, signal: new AbortController().signal };
const revision = () => join("apps/a/_manifests/revisions/sha256", digest.slice("sha256:".length));
const dataOf = (hex: string) => join(registry.repositories, "../blobs/sha256", hex.slice(0, 2), hex, "data");
const data = () => dataOf(digest.slice("sha256:".length));

async function status(reference: string): Promise<number> {
  const accept = "application/vnd.docker.distribution.manifest.v2+json";
  return (await fetch(`${registry.url}/v2/apps/a/manifests/${reference}`, { headers: { accept } })).status;
}

test.each([
  ["an empty link of a manifest", () => writeFile(join(registry.repositories, revision(), "link"), "")],
  ["an empty manifest", () => writeFile(data(), "")],
  ["a manifest that was cut off", async () => writeFile(data(), (await readFile(data())).subarray(0, 100))],
])("%s is removed, the collection succeeds, and the image can be pushed again", async (_what, damage) => {
  const intact = await push("d2", "intact");
  await damage();
  await expect(collectGarbage(host, confirmation)).rejects.toThrow("A manifest of the registry is damaged");
  expect(await removeDamagedManifests(host)).toEqual([revision()]);
  await collectGarbage(host, confirmation);
  expect([await status(digest), await status("d1"), await status(intact)]).toEqual([404, 404, 200]);
  await push("d1", "damaged");
  expect([await status(digest), await status("d1")]).toEqual([200, 200]);
});

test("an empty tag is removed, and its image is kept", async () => {
  await writeFile(join(registry.repositories, "apps/a/_manifests/tags/d1/current/link"), "");
  expect(await removeDamagedManifests(host)).toEqual(["apps/a/_manifests/tags/d1"]);
  expect(await readdir(join(registry.repositories, "apps/a/_manifests/tags"))).toEqual([]);
  expect(await status(digest)).toBe(200);
});

test("nothing is removed from a registry without damage or without images", async () => {
  expect(await removeDamagedManifests(host)).toEqual([]);
  await rm(join(registry.repositories, ".."), { recursive: true });
  expect(await removeDamagedManifests(host)).toEqual([]);
});
