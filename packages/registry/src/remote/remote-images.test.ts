// Images of other registries: read with a login and through redirects from a scripted registry, copied from it into a real one.

import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { writeFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { ImageReference, RemoteImage, RemoteLayer } from "@slipway/core";
import { cutServer, packTar, startRegistry } from "@slipway/testkit";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { mediaTypes, ownPlatform } from "../base-image.ts";
import { openRegistry } from "../registry.ts";
import { openRemoteImages } from "./remote-images.ts";

const mebibyte = 1024 ** 2;
const { signal } = new AbortController();
const opened = new AsyncDisposableStack();
const sha256 = (bytes: Uint8Array) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const login = { username: "ada", password: "secret" };
const basic = `Basic ${Buffer.from("ada:secret").toString("base64")}`;
const tar = await packTar({ "srv/page": "hello" });
const layer = gzipSync(tar);

/** The registry's content by digest, and the requests that it received. */
const content = new Map<string, Buffer>();
let requests: { readonly path: string; readonly authorization: string | undefined }[] = [];
let host: string;
let storage: string;

beforeAll(async () => {
  const server = createServer((request, response) => {
    const { path, authorization } = note(request);
    if (path.startsWith("/token"))
      return authorization === basic
        ? response.end(JSON.stringify({ token: "the-token" }))
        : response.writeHead(401).end();
    if (authorization !== "Bearer the-token") {
      const challenge = `Bearer realm="http://${host}/token",service="registry",scope="repository:team/app:pull"`;
      return response.writeHead(401, { "www-authenticate": challenge }).end();
    }
    const [, kind, digest = ""] = /\/(manifests|blobs)\/(.+)$/.exec(path) ?? [];
    const found = content.get(digest);
    if (found === undefined) return response.writeHead(404).end();
    if (kind === "manifests") return response.end(found);
    return response.writeHead(307, { location: `http://${storage}/${digest}` }).end();
  });
  const store = createServer((request, response) =>
    response.end(content.get(note(request).path.slice(1)) ?? ""),
  );
  for (const one of [server, store]) {
    opened.defer(() => cutServer(one));
    one.listen(0, "127.0.0.1");
    await once(one, "listening");
  }
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  storage = `127.0.0.1:${(store.address() as AddressInfo).port}`;
});
afterAll(() => opened.disposeAsync());
beforeEach(() => {
  requests = [];
});

function note({ url = "", headers: { authorization } }: IncomingMessage) {
  const noted = { path: url, authorization };
  requests.push(noted);
  return noted;
}

function serve(document: object | Buffer): string {
  const bytes = Buffer.isBuffer(document) ? document : Buffer.from(JSON.stringify(document));
  content.set(sha256(bytes), bytes);
  return sha256(bytes);
}

function describe(bytes: Buffer, mediaType: string) {
  return { mediaType, digest: serve(bytes), size: bytes.length };
}

/** @returns the digest of the manifest. */
function serveImage(changes: { config?: object; manifest?: object; layerType?: string } = {}): string {
  const config = {
    ...ownPlatform,
    config: { Cmd: ["serve"], ExposedPorts: { "80/tcp": {} } },
    rootfs: { type: "layers", diff_ids: [sha256(tar)] },
    ...changes.config,
  };
  return serve({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: describe(Buffer.from(JSON.stringify(config)), mediaTypes.ociConfig),
    layers: [describe(layer, changes.layerType ?? mediaTypes.ociLayer)],
    ...changes.manifest,
  });
}

function firstOf({ layers: [first] }: RemoteImage): RemoteLayer {
  if (first === undefined) throw new Error("the image has no layer");
  return first;
}

const referenceTo = (digest: string): ImageReference => ({
  scheme: "http",
  host,
  repository: "team/app",
  digest,
});

function read(digest: string, given: typeof login | null = login) {
  const images = openRemoteImages({
    allowedPrivateHosts: [host, storage],
    timeoutMs: 10_000,
    maxImageBytes: mebibyte,
  });
  return images.read(referenceTo(digest), given, signal);
}

test("an image is read with a token of the login, which neither the storage nor anything else receives", async () => {
  const image = await read(serveImage());
  expect(image.process).toEqual({ command: ["serve"], exposedPorts: [80], user: "", healthcheck: null });
  expect(image.layers).toEqual([
    { digest: sha256(layer), diffId: sha256(tar), isCompressed: true, sizeBytes: layer.length },
  ]);
  expect(Buffer.concat(await Array.fromAsync(await image.open(firstOf(image), signal)))).toEqual(layer);
  const receivedBy = (path: RegExp) =>
    new Set(requests.filter((one) => path.test(one.path)).map(({ authorization }) => authorization));
  expect(receivedBy(/^\/token/)).toEqual(new Set([basic]));
  expect(receivedBy(/^\/sha256:/)).toEqual(new Set([undefined]));
  expect(receivedBy(/^\/v2\//)).toEqual(new Set([undefined, "Bearer the-token"]));
});

test("a registry that refuses the login, or does not have the image, is named", async () => {
  const refused = {
    code: "source-unreachable",
    message: expect.stringContaining("team/app: the repository does not exist, or the login"),
  };
  await expect(read(serveImage(), { username: "eve", password: "x" })).rejects.toMatchObject(refused);
  await expect(read(serveImage(), null)).rejects.toThrow(
    "needs a login, and the variable IMAGE_REGISTRY_AUTH",
  );
  await expect(read(`sha256:${"0a".repeat(32)}`)).rejects.toThrow(
    `The registry ${host} has no manifest sha256:0a`,
  );
});

test("a server that the registry redirects to cannot ask for the login", async () => {
  const other = createServer((request, response) => {
    note(request);
    const challenge = `Bearer realm="http://${request.headers.host}/evil-token",service="registry"`;
    response.writeHead(401, { "www-authenticate": challenge }).end();
  });
  opened.defer(() => cutServer(other));
  await once(other.listen(0, "127.0.0.1"), "listening");
  const evil = `127.0.0.1:${(other.address() as AddressInfo).port}`;
  const redirecting = createServer((_request, response) =>
    response.writeHead(307, { location: `http://${evil}/moved` }).end(),
  );
  opened.defer(() => cutServer(redirecting));
  await once(redirecting.listen(0, "127.0.0.1"), "listening");
  const named = `127.0.0.1:${(redirecting.address() as AddressInfo).port}`;
  const images = openRemoteImages({
    allowedPrivateHosts: [named, evil],
    timeoutMs: 10_000,
    maxImageBytes: mebibyte,
  });
  const reference = { ...referenceTo(sha256(tar)), host: named };
  await expect(images.read(reference, login, signal)).rejects.toThrow(
    `The registry ${named} redirects to ${evil}, which responded with status 401`,
  );
  expect(requests).toEqual([{ path: "/moved", authorization: undefined }]);
});

test.each([
  [
    "a layer that not every engine unpacks",
    { layerType: "application/vnd.oci.image.layer.v1.tar+zstd" },
    "has the type",
  ],
  [
    "an artifact",
    { manifest: { config: { mediaType: "text/plain", digest: sha256(tar), size: 1 } } },
    "not an image, but a file",
  ],
  [
    "an old manifest",
    { manifest: { mediaType: "application/vnd.docker.distribution.manifest.v1+json" } },
    "it is not an image",
  ],
  ["another platform", { config: { architecture: "s390x" } }, "it is for linux/s390x"],
  [
    "more layers than tars",
    { config: { rootfs: { diff_ids: [] } } },
    "has 1 layers, and its configuration 0",
  ],
  ["a volume", { config: { config: { Volumes: { "/data": {} } } } }, "declares the volume /data"],
  [
    "a relative working directory",
    { config: { config: { WorkingDir: "srv" } } },
    'directory "srv" is not an abs',
  ],
  ["a label of the platform", { config: { config: { Labels: { "io.slipway.app": "x" } } } }, "has the label"],
  [
    "a layer elsewhere",
    { manifest: { layers: [{ digest: sha256(tar), size: 1, urls: ["http://x"] }] } },
    "at other URLs",
  ],
  [
    "a path instead of a digest",
    { manifest: { layers: [{ digest: "../../x", size: 1 }] } },
    "without a digest",
  ],
  [
    "too many layers",
    {
      manifest: {
        layers: Array.from({ length: 126 }, () => ({
          mediaType: mediaTypes.ociLayer,
          digest: sha256(tar),
          size: 1,
        })),
      },
    },
    "126 layers",
  ],
])("an image with %s is refused by name", async (_name, changes, message) => {
  await expect(read(serveImage(changes))).rejects.toThrow(
    expect.objectContaining({
      code: "build-failed",
      message: expect.stringMatching(`team/app@sha256:.*${message}`),
    }),
  );
});

test("an image that is too large, and a manifest with another digest, are refused", async () => {
  const large = { mediaType: mediaTypes.ociLayer, digest: sha256(layer), size: mebibyte + 1 };
  await expect(read(serveImage({ manifest: { layers: [large] } }))).rejects.toMatchObject({
    code: "image-too-large",
  });
  const wrong = `sha256:${"0b".repeat(32)}`;
  content.set(wrong, Buffer.from("{}"));
  await expect(read(wrong)).rejects.toThrow(
    `returned another manifest than the one with the digest ${wrong}`,
  );
});

test("an image is copied with its digest, and layers that the repository has are not read again", async () => {
  const real = opened.use(await startRegistry());
  const registry = openRegistry({ url: real.url });
  const events: string[] = [];
  const copy = {
    repository: "apps/a",
    maxUnpackedBytes: mebibyte,
    onLayer: (_layer: unknown, index: number, how: string) => events.push(`${index} ${how}`),
    onProgress: () => undefined,
  };
  const image = await read(serveImage());
  await registry.copyContent(image, copy, signal);
  const stored = await registry.store(image, { repository: "apps/a", tag: "d1" }, signal);
  expect(stored.pinnedReference).toBe(`${real.host}/apps/a@${image.digest}`);
  expect((await registry.inspect(stored.pinnedReference, signal))?.layers).toHaveLength(1);
  const open = () => Promise.reject(new Error("a layer was requested"));
  await registry.copyContent({ ...image, open }, copy, signal);
  // Another process checks layers that it did not copy itself.
  const small = { ...copy, maxUnpackedBytes: 100 };
  await expect(
    openRegistry({ url: real.url }).copyContent({ ...image, open }, small, signal),
  ).rejects.toMatchObject({
    code: "image-too-large",
  });
  expect(events).toEqual(["0 copied", "0 present"]);
  // The state that a full disk leaves behind.
  const layers = join(real.repositories, "apps/a/_layers/sha256");
  await writeFile(join(layers, firstOf(image).digest.slice("sha256:".length), "link"), "");
  await registry.copyContent(image, copy, signal);
  expect(events.splice(2)).toEqual(["0 copied"]);
  const own = { ...image, host: real.host, repository: "apps/a", open };
  await registry.copyContent(own, { ...copy, repository: "apps/b" }, signal);
  expect(events.at(-1)).toBe("0 present");
  const wrong = { ...image, layers: [{ ...firstOf(image), diffId: sha256(layer) }] };
  await expect(registry.copyContent(wrong, { ...copy, repository: "apps/c" }, signal)).rejects.toThrow(
    "is not the one that the image's configuration names",
  );
  expect(await registry.digestOf("apps/c", "d1", signal)).toBeNull();
});

test("a copy ends with the reason of its signal, and leaves no image", async () => {
  const real = opened.use(await startRegistry());
  const registry = openRegistry({ url: real.url });
  const image = await read(serveImage());
  const aborted = new AbortController();
  const reason = new Error("the attempt was aborted");
  async function* stalled(): AsyncGenerator<Uint8Array> {
    yield layer.subarray(0, 10);
    aborted.abort(reason);
    await new Promise(() => undefined);
  }
  const open = async () => Object.assign(stalled(), { [Symbol.asyncDispose]: async () => undefined });
  const copy = {
    repository: "apps/a",
    maxUnpackedBytes: mebibyte,
    onLayer: () => undefined,
    onProgress: () => undefined,
  };
  await expect(registry.copyContent({ ...image, open }, copy, aborted.signal)).rejects.toBe(reason);
  expect(await registry.tags("apps/a", signal)).toEqual([]);
});
