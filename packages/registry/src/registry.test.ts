// The registry adapter with a real registry: the tests create a base image through its API and push layers on top of it.

import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdir, writeFile } from "node:fs/promises";
import { createServer, request } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect, createServer as createTcpServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { ImagePush, StoredLayer } from "@slipway/core";
import { freePort, pushImage, startRegistry } from "@slipway/testkit";
import type { ImageConfig, Manifest } from "./base-image.ts";
import { openRegistry } from "./registry.ts";

const ociManifest = "application/vnd.oci.image.manifest.v1+json";
const opened = new AsyncDisposableStack();
let url: string;
let repositories: string;
let base: string;
const { signal } = new AbortController();

beforeAll(async () => {
  const server = opened.use(await startRegistry());
  ({ url, repositories } = server);
  const config = { Env: ["KEPT=1", "CHANGED=old"] };
  const tar = Buffer.from("a registry does not check that this is a tar");
  await pushImage(url, { repository: "stack", tag: "v1", layer: tar, config });
  base = `${server.host}/stack:v1`;
});
afterAll(() => opened.disposeAsync());

test("references contain the host at which engines reach the registry", async () => {
  const registry = openRegistry({ url, pullHost: "registry.example:5000" });
  const stack = base.replace(/^[^/]+/, "registry.example:5000");
  const pushed = await registry.push({ ...image("apps/named", "d1", layer("hello")), base: stack }, signal);
  expect(pushed.pinnedReference).toBe(`registry.example:5000/apps/named@${pushed.digest}`);
  await expect(registry.push(image("apps/named", "d2", layer("hello")), signal)).rejects.toThrow(
    /not in the registry registry\.example:5000/,
  );
});

test("annotations are part of an OCI manifest, whose layers are the same", async () => {
  const registry = openRegistry({ url });
  const plain = await registry.push(image("apps/annotated", "d1", layer("hello")), signal);
  const annotations = { "org.opencontainers.image.revision": "v1" };
  const pushed = await registry.push(
    { ...image("apps/annotated", "d2", layer("hello")), annotations },
    signal,
  );
  const manifest = await fetchJson<Manifest>("apps/annotated/manifests/d2", ociManifest);
  expect(manifest).toMatchObject({ mediaType: ociManifest, annotations });
  expect(manifest.config.mediaType).toBe("application/vnd.oci.image.config.v1+json");
  expect(new Set(manifest.layers.map(({ mediaType }) => mediaType))).toEqual(
    new Set(["application/vnd.oci.image.layer.v1.tar+gzip"]),
  );
  const digests = async (reference: string) =>
    (await registry.inspect(reference, signal))?.layers.map(({ digest }) => digest);
  expect(await digests(pushed.pinnedReference)).toEqual(await digests(plain.pinnedReference));
});

test("files are attached to an image once each, and deleted with it", async () => {
  const registry = openRegistry({ url });
  const repository = "apps/attached";
  const { digest } = await registry.push(image(repository, "d1", layer("hello")), signal);
  const other = await registry.push(image(repository, "d2", layer("other")), signal);
  const receipt = { type: "application/x-receipt", content: '{"a":"ü"}', annotations: { kind: "receipt" } };
  const bill = { type: "application/x-bill", content: "{}", annotations: {} };
  for (const artifact of [receipt, bill, receipt])
    await registry.attach(repository, digest, artifact, signal);
  await registry.attach(repository, other.digest, bill, signal);
  const referrers = `${repository}/manifests/${digest.replace(":", "-")}`;
  const index = await fetchJson<{ manifests: { artifactType: string; digest: string }[] }>(
    referrers,
    "application/vnd.oci.image.index.v1+json",
  );
  expect(index.manifests).toMatchObject([
    { artifactType: receipt.type, annotations: receipt.annotations },
    { artifactType: bill.type },
  ]);
  const manifestPath = `${repository}/manifests/${index.manifests[0]?.digest}`;
  const attached = await fetchJson<Manifest & { subject: { digest: string } }>(manifestPath, ociManifest);
  expect(attached.subject.digest).toBe(digest);
  const content = await fetch(`${url}/v2/${repository}/blobs/${attached.layers[0]?.digest}`);
  expect(await content.text()).toBe(receipt.content);
  expect((await registry.tags(repository, signal)).toSorted()).toEqual(["d1", "d2"]);

  await registry.delete(repository, "d1", signal);
  const statuses = await Promise.all(
    [referrers, manifestPath].map(
      async (path) => (await fetch(`${url}/v2/${path}`, { headers: { accept: ociManifest } })).status,
    ),
  );
  expect(statuses).toEqual([404, 404]);
  const kept = `${repository}/manifests/${other.digest.replace(":", "-")}`;
  expect(await fetchJson(kept, "application/vnd.oci.image.index.v1+json")).toMatchObject({ manifests: [{}] });
});

test("the time limit of attaching a file begins when writes are no longer held up", async () => {
  const { digest } = await openRegistry({ url }).push(image("apps/late", "d1", layer("hello")), signal);
  const timeout = vi.spyOn(AbortSignal, "timeout");
  const events: string[] = [];
  const write = async <T>(work: () => Promise<T>, _signal: AbortSignal, onHeld?: () => void) => {
    onHeld?.();
    events.push(`limits before the write: ${timeout.mock.calls.length}`);
    return await work();
  };
  const artifact = { type: "application/x-bill", content: "{}", annotations: {} };
  const onHeld = () => void events.push("held up");
  await openRegistry({ url, write }).attach("apps/late", digest, { ...artifact, onHeld }, signal);
  expect(events).toEqual(["held up", "limits before the write: 0"]);
  expect(timeout.mock.calls).toEqual([[30_000]]);
  timeout.mockRestore();
});

test("a file is not attached to an image that does not exist", async () => {
  const registry = openRegistry({ url });
  const { digest } = await registry.push(image("apps/lone", "d1", layer("hello")), signal);
  await registry.delete("apps/lone", "d1", signal);
  const artifact = { type: "application/x-bill", content: "{}", annotations: {} };
  await expect(registry.attach("apps/lone", digest, artifact, signal)).rejects.toMatchObject({
    code: "registry-unavailable",
    message: expect.stringContaining("has no image apps/lone@sha256:"),
  });
});

test("an image has one layer above the base, and the same input gives the same digest", async () => {
  const registry = openRegistry({ url });
  const first = await registry.push(image("apps/one", "d1", layer("hello")), signal);
  const again = await registry.push(image("apps/two", "d2", layer("hello")), signal);
  expect(again.digest).toBe(first.digest);
  expect(first.pinnedReference).toBe(`${registry.host}/apps/one@${first.digest}`);

  const manifest = await fetchJson<Manifest>("apps/one/manifests/d1");
  expect(manifest.layers).toHaveLength(2);
  const config = await fetchJson<ImageConfig>(`apps/one/blobs/${manifest.config.digest}`);
  expect(config.rootfs.diff_ids[1]).toBe(sha256(Buffer.from("hello")));
  expect(config.config).toMatchObject({
    User: "2000:2000",
    Entrypoint: ["/bin/sh"],
    Env: ["KEPT=1", "CHANGED=new"],
  });
  const sizes = manifest.layers.reduce((sum, { size }) => sum + size, manifest.config.size);
  expect(first.sizeBytes).toBe(sizes);
});

test("a layer that fails midway rejects the push with its own error, and creates no tag", async () => {
  const registry = openRegistry({ url });
  await expect(registry.push(image("apps/broken", "d1", broken()), signal)).rejects.toThrow(
    "the build container is gone",
  );
  expect((await fetch(`${url}/v2/apps/broken/manifests/d1`)).status).toBe(404);
});

test("an image has several layers, and stored ones are added without their bytes", async () => {
  const registry = openRegistry({ url });
  const tools = await registry.push(image("tools/one", "v1", layer("node")), signal);
  const [stored] = tools.layers;
  const apps = image("apps/layered", "d1", layer("unused"));
  const pushed = await registry.push(
    { ...apps, layers: [layer("below"), stored as StoredLayer, layer("above")] },
    signal,
  );
  expect(pushed.layers.map(({ diffId }) => diffId)).toEqual(
    ["below", "node", "above"].map((text) => sha256(Buffer.from(text))),
  );
  expect(pushed.layers[1]).toEqual({ ...stored, repository: "apps/layered" });
  const config = await fetchJson<Manifest>("apps/layered/manifests/d1").then((manifest) =>
    fetchJson<ImageConfig>(`apps/layered/blobs/${manifest.config.digest}`),
  );
  expect(config.rootfs.diff_ids.slice(1)).toEqual(pushed.layers.map(({ diffId }) => diffId));
  expect(config.history).toHaveLength(3);
});

test("a push that fails closes its streams, also those that it has not read", async () => {
  const registry = openRegistry({ url });
  const unread = Readable.from([Buffer.from("x")]);
  const apps = image("apps/unread", "d1", layer("unused"));
  const failure = registry.push({ ...apps, layers: [layer("first"), broken(), unread] }, signal);
  await expect(failure).rejects.toThrow("the build container is gone");
  expect(unread.destroyed).toBe(true);
  const tree = Readable.from([Buffer.from("x")]);
  const missing = { ...apps, base: `${registry.host}/stack:none`, layers: [tree] };
  await expect(registry.push(missing, signal)).rejects.toThrow("has no image");
  expect(tree.destroyed).toBe(true);
});

test("a layer that its repository does not contain fails the push, and creates no tag", async () => {
  const registry = openRegistry({ url });
  const missing = { repository: "tools/none", digest: sha256(Buffer.from("x")), diffId: "", sizeBytes: 1 };
  const apps = image("apps/missing", "d1", layer("unused"));
  await expect(registry.push({ ...apps, layers: [missing] }, signal)).rejects.toMatchObject({
    code: "registry-unavailable",
  });
  expect(await registry.digestOf("apps/missing", "d1", signal)).toBeNull();
});

test("inspect returns layers and configuration, by tag and by digest, and null for a missing image", async () => {
  const registry = openRegistry({ url });
  const labelled = image("apps/inspected", "d1", layer("hello"));
  const pushed = await registry.push(
    { ...labelled, config: { ...labelled.config, labels: { kept: "yes" } } },
    signal,
  );
  for (const reference of [pushed.reference, pushed.pinnedReference]) {
    const found = await registry.inspect(reference, signal);
    expect(found).toMatchObject({
      digest: pushed.digest,
      pinnedReference: pushed.pinnedReference,
      sizeBytes: pushed.sizeBytes,
      config: {
        entrypoint: ["/bin/sh"],
        command: ["run"],
        environment: { KEPT: "1", CHANGED: "new" },
        labels: { kept: "yes" },
        user: "2000:2000",
        workingDir: "/app",
      },
    });
    expect(found?.layers.slice(1)).toEqual(pushed.layers);
  }
  expect((await registry.inspect(base, signal))?.layers).toHaveLength(1);
  expect(await registry.inspect(`${registry.host}/apps/inspected:none`, signal)).toBeNull();
  await expect(registry.inspect("elsewhere:5000/apps/inspected:d1", signal)).rejects.toMatchObject({
    code: "configuration-invalid",
  });
});

test("empty files that a full disk leaves in the registry are written again by the next push", async () => {
  const push = () => openRegistry({ url }).push(image("apps/emptied", "d1", layer("same")), signal);
  await push();
  const folder = join(repositories, "apps/emptied");
  const links = (await readdir(folder, { recursive: true })).filter((path) => path.endsWith("link"));
  const layers = links.filter((path) => path.startsWith("_layers"));
  const tag = links.filter((path) => path.includes("/tags/d1/current/"));
  expect([layers.length, tag.length]).toEqual([3, 1]);
  for (const path of layers) await writeFile(join(folder, path), "");
  const pushed = await push();
  const registry = openRegistry({ url });
  const reference = `${registry.host}/apps/emptied:d1`;
  expect((await registry.inspect(reference, signal))?.digest).toBe(pushed.digest);
  for (const path of tag) await writeFile(join(folder, path), "");
  await expect(registry.inspect(reference, signal)).rejects.toMatchObject({ code: "registry-unavailable" });
  expect(await registry.inspect(reference, signal, { isPushedIfAbsent: true })).toBeNull();
  expect(await registry.digestOf("apps/emptied", "d1", signal)).toBeNull();
  await registry.delete("apps/emptied", "d1", signal);
  expect(await registry.tags("apps/emptied", signal)).toEqual([]);
  await push();
  expect((await registry.inspect(reference, signal))?.digest).toBe(pushed.digest);
});

test("an image whose manifest a full disk left empty is not pushed", async () => {
  const registry = openRegistry({ url });
  const push = () => registry.push(image("apps/damaged", "d1", layer("damaged")), signal);
  const hex = (await push()).digest.slice("sha256:".length);
  await writeFile(join(repositories, "../blobs/sha256", hex.slice(0, 2), hex, "data"), "");
  await expect(push()).rejects.toMatchObject({
    code: "registry-unavailable",
    message: expect.stringContaining(`cannot read the manifest sha256:${hex} of apps/damaged`),
  });
});

test("the list of an image's files that a full disk left empty is written again, and does not keep the image", async () => {
  const registry = openRegistry({ url });
  const repository = "apps/unlisted";
  const artifact = { type: "application/x-bill", content: "{}", annotations: {} };
  const { digest } = await registry.push(image(repository, "d1", layer("hello")), signal);
  await registry.attach(repository, digest, artifact, signal);
  const list = digest.replace(":", "-");
  const empty = () => writeFile(join(repositories, repository, "_manifests/tags", list, "current/link"), "");
  await empty();
  await registry.attach(repository, digest, artifact, signal);
  const path = `${repository}/manifests/${list}`;
  const index = await fetchJson(path, "application/vnd.oci.image.index.v1+json");
  expect(index).toMatchObject({ manifests: [{ artifactType: artifact.type }] });
  await empty();
  await registry.delete(repository, digest, signal);
  expect(await registry.digestOf(repository, digest, signal)).toBeNull();
});

test("a request for a tag is repeated after a response 500", async () => {
  const { digest } = await openRegistry({ url }).push(image("apps/once", "d1", layer("x")), signal);
  await using proxy = await failingProxy("/apps/once/manifests/d1");
  const registry = openRegistry({ url: proxy.url, pullHost: new URL(url).host });
  for (const options of [{}, { isPushedIfAbsent: true }]) {
    proxy.failures = 1;
    const found = await registry.inspect(`${registry.host}/apps/once:d1`, signal, options);
    expect(found?.digest).toBe(digest);
  }
  proxy.failures = 1;
  await registry.delete("apps/once", "d1", signal);
  expect(await openRegistry({ url }).tags("apps/once", signal)).toEqual([]);
});

test("a tag that a registry cannot read is absent only for a caller that pushes it", async () => {
  await openRegistry({ url }).push(image("apps/failing", "d1", layer("x")), signal);
  await using proxy = await failingProxy("/apps/failing/manifests/d1");
  proxy.failures = Infinity;
  const registry = openRegistry({ url: proxy.url, pullHost: new URL(url).host });
  const reference = `${registry.host}/apps/failing:d1`;
  const unavailable = { code: "registry-unavailable" };
  await expect(registry.inspect(reference, signal)).rejects.toMatchObject(unavailable);
  expect(await registry.inspect(reference, signal, { isPushedIfAbsent: true })).toBeNull();
  await expect(registry.delete("apps/failing", "d1", signal)).rejects.toMatchObject(unavailable);
  expect(await openRegistry({ url }).tags("apps/failing", signal)).toEqual(["d1"]);
});

test("delete removes the manifest of a tag, and may be repeated", async () => {
  const registry = openRegistry({ url });
  await registry.push(image("apps/gone", "d1", layer("bye")), signal);
  await registry.delete("apps/gone", "d1", signal);
  await registry.delete("apps/gone", "d1", signal);
  expect((await fetch(`${url}/v2/apps/gone/manifests/d1`)).status).toBe(404);
});

test("tags and their digests are listed, and deleting a digest removes all its tags", async () => {
  const registry = openRegistry({ url });
  expect(await registry.tags("apps/listed", signal)).toEqual([]);
  const { digest } = await registry.push(image("apps/listed", "d1", layer("same")), signal);
  await registry.push(image("apps/listed", "d2", layer("same")), signal);
  const other = await registry.push(image("apps/listed", "d3", layer("other")), signal);
  expect((await registry.tags("apps/listed", signal)).toSorted()).toEqual(["d1", "d2", "d3"]);
  expect(await registry.digestOf("apps/listed", "d2", signal)).toBe(digest);
  await registry.delete("apps/listed", digest, signal);
  expect(await registry.tags("apps/listed", signal)).toEqual(["d3"]);
  expect(await registry.digestOf("apps/listed", digest, signal)).toBeNull();
  expect(await registry.digestOf("apps/listed", other.digest, signal)).toBe(other.digest);
});

test("an unreachable registry and a missing base image are reported with different codes", async () => {
  const nowhere = openRegistry({ url: `http://127.0.0.1:${await freePort()}` });
  await expect(nowhere.ping()).rejects.toMatchObject({
    code: "registry-unavailable",
    message: expect.stringMatching(/^the registry 127\.0\.0\.1:\d+ failed: GET: connect ECONNREFUSED/),
  });
  const registry = openRegistry({ url });
  const unknown = { ...image("apps/x", "d1", layer("x")), base: `${registry.host}/stack:none` };
  await expect(registry.push(unknown, signal)).rejects.toMatchObject({ code: "configuration-invalid" });
});

test("a connection that breaks during an upload is reported, and creates no tag", async () => {
  await using proxy = await cuttingProxy(100_000);
  const registry = openRegistry({ url: proxy.url, pullHost: new URL(url).host });
  await expect(registry.push(image("apps/cut", "d1", random(5_000_000)), signal)).rejects.toMatchObject({
    code: "registry-unavailable",
    message: expect.stringContaining("failed: PATCH: "),
  });
  expect((await fetch(`${url}/v2/apps/cut/manifests/d1`)).status).toBe(404);
});

test("the configuration of a base image is read once, and its tag each time", async () => {
  const reads: string[] = [];
  await using front = await observingProxy((path) => void reads.push(path));
  const registry = openRegistry({ url: front.url, pullHost: new URL(url).host });
  await registry.push(image("apps/cached", "d1", layer("one")), signal);
  const read = reads.splice(0);
  expect(read.filter((path) => path.includes("/stack/blobs/"))).toHaveLength(1);
  const pushed = await registry.push(image("apps/cached", "d2", layer("two")), signal);
  expect(reads.splice(0)).toEqual(["/v2/stack/manifests/v1"]);
  const found = await registry.inspect(pushed.pinnedReference, signal);
  expect(found?.config.environment).toEqual({ KEPT: "1", CHANGED: "new" });
  expect(reads).toEqual([`/v2/apps/cached/manifests/${pushed.digest}`]);
});

test("an image that was read is not found by its digest after it was deleted", async () => {
  const registry = openRegistry({ url });
  const pushed = await registry.push(image("apps/read", "d1", layer("read")), signal);
  expect(await registry.inspect(pushed.pinnedReference, signal)).not.toBeNull();
  await openRegistry({ url }).delete("apps/read", "d1", signal);
  expect(await registry.inspect(pushed.pinnedReference, signal)).toBeNull();
});

test("a configuration that differs from its digest fails the call, and a later one reads it again", async () => {
  let changed = "{}";
  await using front = await observingProxy((path) => (path.includes("/blobs/") ? changed : undefined));
  const registry = openRegistry({ url: front.url, pullHost: new URL(url).host });
  await expect(registry.inspect(base, signal)).rejects.toMatchObject({
    code: "registry-unavailable",
    message: expect.stringContaining("other content for the blob"),
  });
  changed = "";
  expect((await registry.inspect(base, signal))?.config.environment).toEqual({ KEPT: "1", CHANGED: "old" });
});

test("a registry that requires a token for each access receives those that its realm issues for the credentials", async () => {
  await using guarded = await tokenRegistry();
  const address = new URL(guarded.url);
  const named = `http://robot:secret@${address.host}`;
  const registry = openRegistry({ url: named, pullHost: new URL(url).host });
  const pushed = await registry.push(image("apps/token", "d1", layer("with a token")), signal);
  expect(await openRegistry({ url }).digestOf("apps/token", "d1", signal)).toBe(pushed.digest);
  const wrong = openRegistry({ url: `http://robot:wrong@${address.host}` });
  const refusal = await wrong.digestOf("apps/token", "d1", signal).catch((error: unknown) => error);
  expect(refusal).toMatchObject({ code: "registry-unavailable" });
  expect(String(refusal)).not.toContain("wrong");
});

test("a server that the registry redirects to cannot ask for the credentials", async () => {
  const received: (string | undefined)[][] = [];
  await using other = await listeningAt(
    createServer(({ url: path, headers: { authorization, host } }, response) => {
      received.push([path, authorization]);
      const challenge = `Bearer realm="http://${host}/evil-token",service="test"`;
      response.writeHead(401, { "www-authenticate": challenge }).end();
    }),
  );
  await using redirecting = await listeningAt(
    createServer((_incoming, response) => response.writeHead(307, { location: `${other.url}/moved` }).end()),
  );
  const registry = openRegistry({
    url: redirecting.url,
    credentials: { username: "robot", password: "secret" },
  });
  await expect(registry.digestOf("apps/a", "d1", signal)).rejects.toThrow("returned status 401");
  expect(received).toEqual([["/moved", undefined]]);
});

test("a manifest that is refused while another push links one of its blobs is sent again", async () => {
  const codes = ["MANIFEST_BLOB_UNKNOWN", "DIGEST_INVALID"];
  await using proxy = await refusingProxy((method, path) =>
    method === "PUT" && path.includes("/manifests/") ? codes.pop() : undefined,
  );
  const registry = openRegistry({ url: proxy.url, pullHost: new URL(url).host });
  const pushed = await registry.push(image("apps/linked", "d1", layer("linked")), signal);
  expect(codes).toEqual([]);
  expect(await openRegistry({ url }).digestOf("apps/linked", "d1", signal)).toBe(pushed.digest);
});

/** A proxy to the registry. @param codeOf returns the code of the error with which the proxy refuses a request with 400. */
async function refusingProxy(
  codeOf: (method: string, path: string) => string | undefined,
): Promise<{ url: string } & AsyncDisposable> {
  const proxy = createServer((incoming, response) => {
    const code = codeOf(incoming.method ?? "", incoming.url ?? "");
    if (code === undefined) {
      pass(incoming, response);
      return;
    }
    const body = JSON.stringify({ errors: [{ code }] });
    incoming.resume().on("end", () => response.writeHead(400).end(body));
  });
  return listeningAt(proxy);
}

/** A proxy to the registry that responds 500 to the first `failures` requests for a path. */
async function failingProxy(path: string) {
  const state = { failures: 0 };
  const proxy = createServer((incoming, response) => {
    if (state.failures === 0 || incoming.url?.endsWith(path) !== true) {
      pass(incoming, response);
      return;
    }
    state.failures -= 1;
    incoming.resume().on("end", () => response.writeHead(500).end());
  });
  return Object.assign(state, await listeningAt(proxy));
}

/** A proxy to the registry that closes a connection after this many bytes. */
async function cuttingProxy(afterBytes: number): Promise<{ url: string } & AsyncDisposable> {
  const proxy = createTcpServer((client) => {
    const upstream = connect(Number(new URL(url).port), "127.0.0.1");
    let passedBytes = 0;
    client.on("data", (chunk: Buffer) => {
      passedBytes += chunk.length;
      if (passedBytes > afterBytes) client.destroy();
    });
    for (const socket of [client, upstream]) socket.on("error", () => socket.destroy());
    client.on("close", () => upstream.destroy());
    client.pipe(upstream).pipe(client);
  });
  return listeningAt(proxy);
}

/** A proxy to the registry. @param onRead receives the path of each GET; the proxy responds with the returned text, if any. */
async function observingProxy(
  onRead: (path: string) => string | void,
): Promise<{ url: string } & AsyncDisposable> {
  const proxy = createServer((incoming, response) => {
    const text = incoming.method === "GET" ? onRead(incoming.url ?? "") : "";
    if (text) response.end(text);
    else pass(incoming, response);
  });
  return listeningAt(proxy);
}

/**
 * A proxy to the registry that requires separate tokens for reading and writing, which its realm issues for the right user name
 * and password. It opens an upload only after the client has read from the same repository.
 */
async function tokenRegistry(): Promise<{ url: string } & AsyncDisposable> {
  const tokens = { pull: randomBytes(8).toString("hex"), "pull,push": randomBytes(8).toString("hex") };
  const read = Promise.withResolvers<void>();
  const login = `Basic ${Buffer.from("robot:secret").toString("base64")}`;
  let own = "";
  const guard = createServer((incoming, response) => {
    const { authorization } = incoming.headers;
    const reads = incoming.method === "GET" || incoming.method === "HEAD";
    const access = reads ? "pull" : "pull,push";
    if (incoming.url?.startsWith("/token") === true) {
      if (authorization !== login) response.writeHead(401).end();
      else
        response.end(JSON.stringify({ token: tokens[incoming.url.endsWith("push") ? "pull,push" : "pull"] }));
    } else if (authorization !== `Bearer ${tokens[access]}`) {
      const scope = `repository:apps/token:${access}`;
      response.writeHead(401, {
        "www-authenticate": `Bearer realm="${own}/token",service="test",scope="${scope}"`,
      });
      incoming.resume().on("end", () => response.end());
    } else {
      if (incoming.method === "HEAD") read.resolve();
      if (incoming.method === "POST") void read.promise.then(() => pass(incoming, response));
      else pass(incoming, response);
    }
  });
  const listening = await listeningAt(guard);
  own = listening.url;
  return listening;
}

function pass(incoming: IncomingMessage, response: ServerResponse): void {
  const { authorization: _, ...headers } = incoming.headers;
  const passed = request(`${url}${incoming.url}`, { method: incoming.method, headers }, (upstream) => {
    response.writeHead(upstream.statusCode ?? 500, upstream.headers);
    upstream.pipe(response);
  });
  incoming.pipe(passed);
}

async function listeningAt(front: Server): Promise<{ url: string } & AsyncDisposable> {
  front.listen(0, "127.0.0.1");
  await once(front, "listening");
  return {
    url: `http://127.0.0.1:${(front.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => front.close(() => resolve())),
  };
}

async function* random(sizeBytes: number): AsyncGenerator<Uint8Array> {
  for (let sent = 0; sent < sizeBytes; sent += 100_000) yield randomBytes(100_000);
}

async function* broken(): AsyncGenerator<Uint8Array> {
  yield randomBytes(200_000);
  throw new Error("the build container is gone");
}

async function* layer(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

function image(repository: string, tag: string, bytes: AsyncIterable<Uint8Array>): ImagePush {
  const config = {
    entrypoint: ["/bin/sh"],
    command: ["run"],
    environment: { CHANGED: "new" },
    labels: {},
    user: "2000:2000",
    workingDir: "/app",
  };
  return { repository, tag, base, layers: [bytes], config };
}

async function fetchJson<T>(
  path: string,
  accept = "application/vnd.docker.distribution.manifest.v2+json",
): Promise<T> {
  return (await fetch(`${url}/v2/${path}`, { headers: { accept } })).json() as Promise<T>;
}

function sha256(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
