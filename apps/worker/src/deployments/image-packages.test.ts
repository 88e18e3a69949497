import { expect, test } from "vitest";
import type { HttpRequest, StoredImage } from "@slipway/core";
import { packTar, refusal } from "@slipway/testkit";
import { openImagePackages } from "./image-packages.ts";

type Files = Readonly<Record<string, string>>;

const { signal } = new AbortController();
const base = { "var/lib/dpkg/status": "Package: bash\nStatus: install ok installed\nVersion: 5.2\n" };
const gemfileLock = "GEM\n  specs:\n    rack (3.0.8)\n";

/** An image with these layers by digest, and a record of the requested layers' digests. */
function registryOf(layers: Readonly<Record<string, Files | null>>, workingDir = "/srv") {
  const requested: string[] = [];
  const stored = Object.keys(layers).map((digest) => ({
    repository: "apps/a",
    digest,
    diffId: digest,
    sizeBytes: 1,
  }));
  const image: StoredImage = {
    pinnedReference: "registry/apps/a@sha256:0",
    digest: "sha256:0",
    layers: stored,
    config: { entrypoint: [], command: [], environment: {}, labels: {}, user: "", workingDir },
    sizeBytes: 1,
  };
  const registry = {
    inspect: async (reference: string) => (reference === "gone" ? null : image),
    forward: async ({ target }: HttpRequest) => {
      const digest = target.replace("/v2/apps/a/blobs/", "");
      requested.push(digest);
      const files = layers[digest];
      if (files === undefined || files === null) return { status: 404, headers: {}, body: null };
      async function* bytes(): AsyncGenerator<Uint8Array> {
        yield await packTar(files ?? {});
      }
      return { status: 200, headers: {}, body: { ...held, [Symbol.asyncIterator]: bytes } };
    },
  };
  return { registry, requested };
}

/** Collects the reasons why images' packages are not listed. */
function newLogger() {
  const reasons: unknown[] = [];
  return { reasons, info: (fields: unknown) => void reasons.push((fields as { reason?: unknown }).reason) };
}

const held = { [Symbol.asyncDispose]: async () => undefined };

test("the packages of the distribution and of lock files in the working directory are listed", async () => {
  const { registry } = registryOf({ "sha256:a": base, "sha256:b": { "srv/Gemfile.lock": gemfileLock } });
  const list = openImagePackages({ registry, maxLayerBytes: 1024 ** 2, logger: newLogger() });
  expect(await list("image", signal)).toMatchObject({
    files: ["var/lib/dpkg/status", "srv/Gemfile.lock"],
    packages: [
      { type: "deb", name: "bash" },
      { type: "gem", name: "rack" },
    ],
    isComplete: false,
  });
});

test("layers that were read are not read again, unless the working directory is another one", async () => {
  const layers: Record<string, Files> = { "sha256:a": base, "sha256:b": {} };
  const first = registryOf(layers);
  const second = registryOf({ "sha256:a": base, "sha256:c": { "srv/Gemfile.lock": gemfileLock } });
  let current = first.registry;
  const registry = {
    inspect: (reference: string) => current.inspect(reference),
    forward: (request: HttpRequest) => current.forward(request),
  };
  const list = openImagePackages({ registry, maxLayerBytes: 1024 ** 2, logger: newLogger() });
  await list("image", signal);
  expect(first.requested).toEqual(["sha256:a", "sha256:b"]);
  current = second.registry;
  expect((await list("image", signal))?.packages).toHaveLength(2);
  expect(second.requested).toEqual(["sha256:c"]);
  const third = registryOf({ "sha256:a": base }, "/other");
  current = third.registry;
  await list("image", signal);
  expect(third.requested).toEqual(["sha256:a"]);
});

test("an image that is gone, or lists no packages, has no list", async () => {
  const list = openImagePackages({
    registry: registryOf({ "sha256:a": { "srv/app.js": "" } }).registry,
    maxLayerBytes: 1024 ** 2,
    logger: newLogger(),
  });
  expect(await list("gone", signal)).toBeNull();
  expect(await list("image", signal)).toBeNull();
});

test("a layer beyond the limit ends the list, and one that the registry lacks is an error", async () => {
  const { registry } = registryOf({ "sha256:a": base });
  const logger = newLogger();
  expect(await openImagePackages({ registry, maxLayerBytes: 512, logger })("image", signal)).toBeNull();
  expect(logger.reasons).toEqual([expect.stringContaining("a layer cannot be read: ")]);
  const lacking = registryOf({ "sha256:a": null });
  const list = openImagePackages({ registry: lacking.registry, maxLayerBytes: 1024 ** 2, logger });
  expect(await refusal(list("image", signal))).toMatch(/^registry-unavailable: the registry answered 404/);
});

test.each<[string, Readonly<Record<string, Files>>, string, string]>([
  [
    "whose layers together hold more than the budget",
    Object.fromEntries(
      ["a", "b", "c"].map((name) => [name, { "var/lib/dpkg/status": "x".repeat(15 * 1024 ** 2) }]),
    ),
    "/srv",
    "too large or too many",
  ],
  [
    "with a lock file that is too large for a source",
    { a: { "srv/requirements.txt": "x".repeat(1024 ** 2 + 1) } },
    "/srv",
    "srv/requirements.txt has more than",
  ],
  [
    "with too many packages in several files",
    {
      a: {
        "srv/requirements.txt": "a==1\n".repeat(12_000),
        "srv/go.mod": `go 1.21\n${"require a v1\n".repeat(12_000)}`,
      },
    },
    "/srv",
    "more than 20000 packages",
  ],
  ["with a path of megabytes to its working directory", { a: base }, "a/".repeat(5_000), "working directory"],
])("an image %s is not listed, and the log says why", async (_what, layers, workingDir, reason) => {
  const { registry } = registryOf(layers, workingDir);
  const logger = newLogger();
  const list = openImagePackages({ registry, maxLayerBytes: 64 * 1024 ** 2, logger });
  expect(await list("image", signal)).toBeNull();
  expect(logger.reasons).toEqual([expect.stringContaining(reason)]);
});
