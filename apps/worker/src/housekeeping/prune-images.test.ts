import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sbomBlobKey } from "@slipway/core";
import type { App, Release, Store } from "@slipway/core";
import { aNewDeployment, aNewRelease, anApp, lacksRedis, stepsTo, testTime } from "@slipway/testkit";
import type { PruneContext } from "./prune-images.ts";
import { decideUnneeded, digestOf, pruneImages, unneededImages } from "./prune-images.ts";
import { openTestContext } from "../../test-support/test-context.ts";

const never = new AbortController().signal;
const holder = { check: async () => undefined };

describe.skipIf(await lacksRedis())("old images", () => {
  let opened: AsyncDisposableStack;
  let context: PruneContext & { readonly store: Store };
  let app: App;
  /** The digest of each tag in the registry. */
  let tags: Map<string, string>;
  let pulled: Set<string>;
  let deletedBlobs: string[];
  /** Called before the registry deletes an image. */
  let beforeRemoval: (digest: string, signal: AbortSignal) => Promise<void>;

  beforeEach(async () => {
    opened = new AsyncDisposableStack();
    tags = new Map();
    pulled = new Set();
    beforeRemoval = async () => undefined;
    const registry: PruneContext["registry"] = {
      host: "registry.example",
      tags: async () => [...tags.keys()],
      digestOf: async (_repository, tag) => tags.get(tag) ?? null,
      delete: async (_repository, digest, signal) => {
        await beforeRemoval(digest, signal);
        for (const [tag, named] of tags) if (named === digest) tags.delete(tag);
      },
    };
    const common = await openTestContext(opened, {
      imageDigests: async () => [...pulled],
      removeImage: async (_repository: string, digest: string) => void pulled.delete(digest),
    });
    const config = { ...common.config, releasesKept: 2 };
    deletedBlobs = [];
    const blobs = { delete: async (key: string) => void deletedBlobs.push(key) };
    context = { ...common, config, registry, blobs };
    app = anApp();
    await context.store.apps.create(app);
  });
  afterEach(() => opened.disposeAsync());

  test("an image that no kept release has is unneeded, and exists until it is pruned", async () => {
    const releases: Release[] = [];
    for (const digest of ["a", "b", "a", "c", "d"]) releases.push(await deployed(digest));
    const waiting = releases[1];
    if (waiting === undefined) throw new Error("the second release does not exist");
    const source = { kind: "release", releaseId: waiting.id } as const;
    await context.store.deployments.create(aNewDeployment({ appId: app.id, source }));
    tags.set("orphan", "sha256:e");
    await pruneImages(context, app.id, never);
    expect(tags.size).toBe(6);
    await decideUnneeded(context, app.id, holder);
    expect(await unneeded()).toEqual(["sha256:a", "sha256:e"]);
    expect(tags.size).toBe(6);
    await pruneImages(context, app.id, never);
    expect(deletedBlobs.toSorted()).toEqual(["a", "e"].map((one) => sbomBlobKey(app.id, `sha256:${one}`)));
    expect(new Set(tags.values())).toEqual(new Set(["sha256:b", "sha256:c", "sha256:d"]));
    expect(pulled).toEqual(new Set(["sha256:b", "sha256:c", "sha256:d"]));
    expect(await unneeded()).toEqual([]);
  });

  test("the image that served before the current release is kept, also after many failed deployments", async () => {
    await deployed("a");
    const first = await deployed("b");
    for (const digest of ["c", "d", "e"]) await deployed(digest, "crashed-error");
    const current = await deployed("f");
    expect([digestOf(first), digestOf(current)]).toEqual(["sha256:b", "sha256:f"]);
    await pruneImages(context, app.id, never);
    await decideUnneeded(context, app.id, holder);
    expect(await unneeded()).toEqual(["sha256:a", "sha256:c", "sha256:d"]);
  });

  test("a worker that has lost the lane marks no image as unneeded", async () => {
    for (const digest of ["a", "b", "c"]) await deployed(digest);
    await pruneImages(context, app.id, never);
    const lost = { check: () => Promise.reject(new Error("another attempt holds the lane")) };
    await expect(decideUnneeded(context, app.id, lost)).rejects.toThrow("another attempt holds");
    expect(await unneeded()).toEqual([]);
  });

  test("a hanging removal ends with the signal, and its image is unneeded until a later one succeeds", async () => {
    for (const digest of ["a", "b", "c"]) await deployed(digest);
    await pruneImages(context, app.id, never);
    await decideUnneeded(context, app.id, holder);
    const stop = new AbortController();
    beforeRemoval = (_digest, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
        stop.abort(new Error("too long"));
      });
    await expect(pruneImages(context, app.id, stop.signal)).rejects.toThrow("too long");
    expect(await unneeded()).toEqual(["sha256:a"]);
    beforeRemoval = async () => undefined;
    await pruneImages(context, app.id, never);
    expect(await unneeded()).toEqual([]);
    expect([...tags.values()]).toEqual(["sha256:b", "sha256:c"]);
  });

  test("an image that cannot be removed does not prevent the removal of others", async () => {
    for (const digest of ["a", "b", "c", "d", "e"]) await deployed(digest);
    await pruneImages(context, app.id, never);
    await decideUnneeded(context, app.id, holder);
    const [first] = await unneededImages(context, app.id);
    beforeRemoval = async (digest) => {
      if (digest === first) throw new Error("the registry failed");
    };
    await expect(pruneImages(context, app.id, never)).rejects.toThrow("the registry failed");
    expect(await unneeded()).toEqual([first]);
  });

  test("a worker that was suspended does not remove an image that another worker has removed meanwhile", async () => {
    for (const digest of ["a", "b", "c", "d"]) await deployed(digest);
    await pruneImages(context, app.id, never);
    await decideUnneeded(context, app.id, holder);
    const removed: string[] = [];
    beforeRemoval = async (digest) => {
      removed.push(digest);
      if (removed.length === 1) await pruneImages(context, app.id, never);
    };
    await pruneImages(context, app.id, never);
    // Both workers removed the first image, because neither had finished. Only the other worker removed the second.
    const [first, second] = new Set(removed);
    expect(new Set(removed)).toEqual(new Set(["sha256:a", "sha256:b"]));
    expect(removed).toEqual([first, first, second]);
  });

  const unneeded = async () => [...(await unneededImages(context, app.id))].toSorted();

  /** Creates a release of an image and, if it succeeded, makes it the app's current release. */
  async function deployed(name: string, end: "success" | "crashed-error" = "success"): Promise<Release> {
    const { store } = context;
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
