import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { App, Release } from "@slipway/core";
import { aNewDeployment, aNewRelease, anApp, lacksRedis, stepsTo, testTime } from "@slipway/testkit";
import type { Platform } from "../platform.ts";
import { decideUnneeded, digestOf, pruneImages, unneededImages } from "./prune-images.ts";
import { testPlatform } from "../../test-support/test-context.ts";

const never = new AbortController().signal;
const held = { check: async () => undefined };

describe.skipIf(await lacksRedis())("old images", () => {
  let opened: AsyncDisposableStack;
  let platform: Platform;
  let app: App;
  /** What the registry has: the digest of each tag. */
  let tags: Map<string, string>;
  let pulled: Set<string>;
  /** What a removal does before it is made. */
  let beforeRemoval: (digest: string, signal: AbortSignal) => Promise<void>;

  beforeEach(async () => {
    opened = new AsyncDisposableStack();
    tags = new Map();
    pulled = new Set();
    beforeRemoval = async () => undefined;
    const registry: Partial<Platform["registry"]> = {
      host: "registry.example",
      tags: async () => [...tags.keys()],
      digestOf: async (_repository, tag) => tags.get(tag) ?? null,
      delete: async (_repository, digest, signal) => {
        await beforeRemoval(digest, signal);
        for (const [tag, named] of tags) if (named === digest) tags.delete(tag);
      },
    };
    const common = await testPlatform(opened, {
      imageDigests: async () => [...pulled],
      removeImage: async (_repository, digest) => void pulled.delete(digest),
    });
    const config = { ...common.config, releasesKept: 2 };
    platform = { ...common, config, registry: registry as Platform["registry"] };
    app = anApp();
    await platform.store.apps.create(app);
  });
  afterEach(() => opened.disposeAsync());

  test("are those that no kept release has; they stay until they are pruned", async () => {
    const releases: Release[] = [];
    for (const digest of ["a", "b", "a", "c", "d"]) releases.push(await deployed(digest));
    const waiting = releases[1];
    if (waiting === undefined) throw new Error("there is no second release");
    const source = { kind: "release", releaseId: waiting.id } as const;
    await platform.store.deployments.create(aNewDeployment({ appId: app.id, source }));
    tags.set("orphan", "sha256:e");
    await pruneImages(platform, app.id, never);
    expect(tags.size).toBe(6);
    await decideUnneeded(platform, app.id, held);
    expect(await unneeded()).toEqual(["sha256:a", "sha256:e"]);
    expect(tags.size).toBe(6);
    await pruneImages(platform, app.id, never);
    expect(new Set(tags.values())).toEqual(new Set(["sha256:b", "sha256:c", "sha256:d"]));
    expect(pulled).toEqual(new Set(["sha256:b", "sha256:c", "sha256:d"]));
    expect(await unneeded()).toEqual([]);
  });

  test("the one that served before the current release is kept, however many failed since", async () => {
    await deployed("a");
    const first = await deployed("b");
    for (const digest of ["c", "d", "e"]) await deployed(digest, "crashed-error");
    const current = await deployed("f");
    expect([digestOf(first), digestOf(current)]).toEqual(["sha256:b", "sha256:f"]);
    await pruneImages(platform, app.id, never);
    await decideUnneeded(platform, app.id, held);
    expect(await unneeded()).toEqual(["sha256:a", "sha256:c", "sha256:d"]);
  });

  test("nothing is decided by a worker that has lost the lane", async () => {
    for (const digest of ["a", "b", "c"]) await deployed(digest);
    await pruneImages(platform, app.id, never);
    const lost = { check: () => Promise.reject(new Error("another attempt has it")) };
    await expect(decideUnneeded(platform, app.id, lost)).rejects.toThrow("another attempt");
    expect(await unneeded()).toEqual([]);
  });

  test("a removal that hangs ends with the signal, and the image stays unneeded until it is done", async () => {
    for (const digest of ["a", "b", "c"]) await deployed(digest);
    await pruneImages(platform, app.id, never);
    await decideUnneeded(platform, app.id, held);
    const stop = new AbortController();
    beforeRemoval = (_digest, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
        stop.abort(new Error("too long"));
      });
    await expect(pruneImages(platform, app.id, stop.signal)).rejects.toThrow("too long");
    expect(await unneeded()).toEqual(["sha256:a"]);
    beforeRemoval = async () => undefined;
    await pruneImages(platform, app.id, never);
    expect(await unneeded()).toEqual([]);
    expect([...tags.values()]).toEqual(["sha256:b", "sha256:c"]);
  });

  test("a worker that stood still removes nothing that another one has removed meanwhile", async () => {
    for (const digest of ["a", "b", "c", "d"]) await deployed(digest);
    await pruneImages(platform, app.id, never);
    await decideUnneeded(platform, app.id, held);
    const removed: string[] = [];
    beforeRemoval = async (digest) => {
      removed.push(digest);
      if (removed.length === 1) await pruneImages(platform, app.id, never);
    };
    await pruneImages(platform, app.id, never);
    // The first of the two by both, as neither had done with it; the second one by the other worker alone.
    const [first, second] = new Set(removed);
    expect(new Set(removed)).toEqual(new Set(["sha256:a", "sha256:b"]));
    expect(removed).toEqual([first, first, second]);
  });

  const unneeded = async () => [...(await unneededImages(platform, app.id))].toSorted();

  /** Makes a release of an image and, if it succeeded, the app's current one. */
  async function deployed(name: string, end: "success" | "crashed-error" = "success"): Promise<Release> {
    const { store } = platform;
    const queued = await store.deployments.create(aNewDeployment({ appId: app.id }));
    for (const step of stepsTo(queued, end, testTime)) await store.deployments.compareAndSet(step);
    const image = `registry.example/apps/${app.id}@sha256:${name}`;
    const release = await store.releases.create(
      aNewRelease({ appId: app.id, deploymentId: queued.id, image }),
    );
    tags.set(queued.id, digestOf(release));
    pulled.add(digestOf(release));
    if (end !== "success") return release;
    app = { ...app, currentReleaseId: release.id, revision: app.revision + 1 };
    expect(await store.apps.compareAndSet(app)).toBe(true);
    return release;
  }
});
