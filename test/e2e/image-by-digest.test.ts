// An image that was built elsewhere is copied by digest from a second registry, and started.

import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { statementOf } from "@slipway/receipts";
import type { Envelope } from "@slipway/receipts";
import { cutServer, packTar, registryLogin, startRegistry } from "@slipway/testkit";
import { servePl } from "./apps.ts";
import { call, createApp, ended, output, page, requestApi } from "./slipway.ts";
import type { AppJson, DeploymentJson } from "./slipway.ts";

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}
interface Manifest {
  readonly mediaType: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}
interface Config {
  readonly rootfs: { readonly diff_ids: readonly string[] };
}

const manifestType = "application/vnd.docker.distribution.manifest.v2+json";
const layerType = "application/vnd.docker.image.rootfs.diff.tar.gzip";
const [openPort, closedPort] = inject("imagePorts");
const openHost = `127.0.0.1:${openPort}`;
const closedHost = `127.0.0.1:${closedPort}`;
const basic = (name: string, password: string) =>
  `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`;
const authorization = basic(registryLogin.username, registryLogin.password);
const served = new AsyncDisposableStack();
const sha256 = (bytes: Uint8Array) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
let stack: { readonly manifest: Manifest; readonly config: Config; readonly blobs: readonly Buffer[] };

beforeAll(async () => {
  served.use(await startRegistry({ port: openPort }));
  served.use(await startRegistry({ port: closedPort, requiresLogin: true }));
  stack = await readStack();
});
afterAll(() => served.disposeAsync());

/** Reads the stack's image from the installation's registry. */
async function readStack(): Promise<typeof stack> {
  const { registryUrl, run } = inject("stack");
  const { origin, username, password } = new URL(registryUrl);
  const headers = { accept: manifestType, authorization: basic(username, decodeURIComponent(password)) };
  const [, repository, tag] = /^[^/]+\/(.+):([^:]+)$/.exec(run) ?? [];
  const get = async (path: string) =>
    Buffer.from(await (await fetch(`${origin}/v2/${repository}/${path}`, { headers })).arrayBuffer());
  const manifest = JSON.parse((await get(`manifests/${tag}`)).toString()) as Manifest;
  const blobs = await Promise.all(manifest.layers.map(({ digest }) => get(`blobs/${digest}`)));
  const config = JSON.parse((await get(`blobs/${manifest.config.digest}`)).toString()) as Config;
  return { manifest, config, blobs };
}

interface Changes {
  readonly config?: object;
  readonly run?: object;
  readonly layers?: readonly Buffer[];
  readonly diffIds?: readonly string[];
}

/** Pushes an image that answers with a text: the stack with a layer that contains a server. @returns its digest. */
async function pushApp(host: string, words: string, changes: Changes = {}): Promise<string> {
  const own = changes.layers ?? [await packTar({ "srv/serve.pl": servePl })];
  const compressed = own.map((tar) => gzipSync(tar));
  const config = Buffer.from(
    JSON.stringify({
      ...stack.config,
      config: {
        Entrypoint: ["/bin/sh", "-c"],
        Cmd: [`exec perl /srv/serve.pl "${words} $(id -u) $PORT"`],
        User: "1234",
        ExposedPorts: { "3000/tcp": {} },
        ...changes.run,
      },
      rootfs: {
        type: "layers",
        diff_ids: [...stack.config.rootfs.diff_ids, ...(changes.diffIds ?? own.map(sha256))],
      },
      ...changes.config,
    }),
  );
  const blobs = [...stack.blobs, ...compressed, config];
  for (const blob of blobs) await upload(host, blob);
  const layers = [
    ...stack.manifest.layers,
    ...compressed.map((bytes) => ({ mediaType: layerType, digest: sha256(bytes), size: bytes.length })),
  ];
  const described = { ...stack.manifest.config, digest: sha256(config), size: config.length };
  return await putManifest(host, manifestType, { ...stack.manifest, config: described, layers });
}

async function upload(host: string, blob: Buffer): Promise<void> {
  const begun = await fetch(`http://${host}/v2/team/app/blobs/uploads/`, {
    method: "POST",
    headers: { authorization },
  });
  const url = `${begun.headers.get("location")}&digest=${sha256(blob)}`;
  const headers = { "content-type": "application/octet-stream", authorization };
  const sent = await fetch(url, { method: "PUT", headers, body: new Uint8Array(blob) });
  if (sent.status !== 201) throw new Error(await sent.text());
}

async function putManifest(host: string, type: string, manifest: object): Promise<string> {
  const body = JSON.stringify(manifest);
  const digest = sha256(Buffer.from(body));
  const headers = { "content-type": type, authorization };
  const url = `http://${host}/v2/team/app/manifests/${digest}`;
  const sent = await fetch(url, { method: "PUT", headers, body });
  if (sent.status !== 201) throw new Error(await sent.text());
  return digest;
}

const named = (host: string, digest: string) => `http://${host}/team/app@${digest}`;

async function deployImage(app: AppJson, image: string) {
  const body = { deployment: { image } };
  const { deployment } = await call<{ deployment: DeploymentJson & { readonly type: string } }>(
    "POST",
    `/v1/apps/${app.name}/deployments`,
    body,
  );
  expect(deployment.type).toBe("image");
  return { deployment: await ended(app.name, deployment.id), log: await output(app.name, deployment.id) };
}

/** @returns the log of a deployment that ends with "build-error". */
async function refused(app: AppJson, image: string): Promise<string> {
  const { deployment, log } = await deployImage(app, image);
  if (deployment.status !== "build-error") throw new Error(`${deployment.status}:\n${log}`);
  return log;
}

test("an image is copied by its digest, runs as it says, and its layers are copied once", async () => {
  const app = await createApp("image");
  const one = await pushApp(openHost, "one");
  const first = await deployImage(app, named(openHost, one));
  expect(first.log).toMatch(/Layer \d of \d, sha256:\w{12}…, .* MiB: copied/);
  expect(first.deployment.status).toBe("success");
  expect(await page(app.name)).toBe("one 1234 3000");

  const two = await pushApp(openHost, "two");
  const second = await deployImage(app, named(openHost, two));
  expect(second.deployment.status).toBe("success");
  expect(second.log).not.toContain("MiB: copied");
  expect(second.log).toContain("MiB: already here");
  expect(await page(app.name)).toBe("two 1234 3000");

  const path = `/v1/apps/${app.name}/deployments`;
  const { releases } = await call<{ releases: { image: string; number: number }[] }>(
    "GET",
    `/v1/apps/${app.name}/releases`,
  );
  expect(releases.map(({ number }) => number)).toEqual([2, 1]);
  const envelope = await call<Envelope>("GET", `${path}/${second.deployment.id}/receipt`);
  const { subject, predicate } = statementOf(envelope);
  expect(subject[0].digest.sha256).toBe(two.slice("sha256:".length));
  expect(predicate.buildDefinition.externalParameters.builder).toBe("image");
  expect(predicate.buildDefinition.resolvedDependencies).toEqual([
    {
      name: "source",
      uri: `pkg:oci/app@${encodeURIComponent(two)}?repository_url=${openHost}/team/app`,
      digest: { sha256: two.slice("sha256:".length) },
    },
  ]);

  const { deployment: back } = await call<{ deployment: DeploymentJson }>("POST", path, {
    deployment: { release: 1 },
  });
  expect((await ended(app.name, back.id)).status).toBe("success");
  expect(await page(app.name)).toBe("one 1234 3000");
});

test("an index is deployed with its image for this platform, and an error names the other platforms", async () => {
  const app = await createApp("image-index");
  const digest = await pushApp(openHost, "of an index");
  const size = Buffer.byteLength(
    await (
      await fetch(`http://${openHost}/v2/team/app/manifests/${digest}`, { headers: { accept: manifestType } })
    ).text(),
  );
  const entry = { mediaType: manifestType, digest, size };
  const index = (architecture: string) =>
    putManifest(openHost, "application/vnd.oci.image.index.v1+json", {
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.index.v1+json",
      manifests: [{ ...entry, platform: { os: "linux", architecture } }],
    });
  const { architecture: own } = stack.config as { architecture?: string };
  const { deployment } = await deployImage(app, named(openHost, await index(own ?? "")));
  expect(deployment.status).toBe("success");
  expect(await page(app.name)).toBe("of an index 1234 3000");
  expect(await refused(app, named(openHost, await index("s390x")))).toContain(
    `it has no image for linux/${own}, only for linux/s390x`,
  );
  const foreign = await pushApp(openHost, "x", { config: { architecture: "s390x" } });
  expect(await refused(app, named(openHost, foreign))).toContain("it is for linux/s390x");
});

test("an image of a private registry needs the app's login, which nobody sees", async () => {
  const app = await createApp("image-login");
  const image = named(closedHost, await pushApp(closedHost, "closed ${IMAGE_REGISTRY_AUTH:-no login}"));
  expect(await refused(app, image)).toContain(
    `The registry ${closedHost} refuses access to team/app: the repository does not exist, or the repository needs a login`,
  );
  const login = (password: string) => {
    const auth = Buffer.from(`${registryLogin.username}:${password}`).toString("base64");
    const value = JSON.stringify({ auths: { [closedHost]: { auth } } });
    return call("PUT", `/v1/apps/${app.name}/variables`, {
      variables: [{ name: "IMAGE_REGISTRY_AUTH", value }],
    });
  };
  await login("wrong");
  expect(await refused(app, image)).toContain("may not read the repository");
  await login(registryLogin.password);
  const { deployment, log } = await deployImage(app, image);
  expect(deployment.status).toBe("success");
  expect(log).not.toContain(registryLogin.password);
  expect(await page(app.name)).toBe("closed no login 1234 3000");
});

test("an image without a digest, or that cannot run here, is refused with the reason", async () => {
  const app = await createApp("image-refused");
  const tagged = await requestApi("POST", `/v1/apps/${app.name}/deployments`, {
    deployment: { image: `${openHost}/team/app:latest` },
  });
  expect(tagged.status).toBe(422);
  expect(await tagged.text()).toContain("docker buildx imagetools inspect");

  const unknown = `sha256:${"0a".repeat(32)}`;
  expect(await refused(app, named(openHost, unknown))).toContain(
    `The registry ${openHost} has no manifest ${unknown} in team/app`,
  );
  const volume = await pushApp(openHost, "x", { run: { Volumes: { "/data": {} } } });
  expect(await refused(app, named(openHost, volume))).toContain("declares the volume /data");
  const silent = await pushApp(openHost, "x", { run: { Entrypoint: null, Cmd: null } });
  expect(await refused(app, named(openHost, silent))).toContain("The image has no command");
  const other = await pushApp(openHost, "x", { diffIds: [unknown] });
  expect(await refused(app, named(openHost, other))).toContain(
    "is not the one that the image's configuration names",
  );
  const { host } = new URL(`http://${inject("stack").run}`);
  expect(await refused(app, `http://${host}/apps/other@${unknown}`)).toContain(
    "is a repository of this installation",
  );
  for (const closed of ["127.0.0.1:1", "169.254.169.254", "localhost"])
    expect(await refused(app, `http://${closed}/team/app@${unknown}`)).toContain(
      "is not on the public internet, and the operator has not allowed it",
    );
});

test("an image that unpacks to more than IMAGE_MAX_MB is not copied to its end", async () => {
  const app = await createApp("image-bomb");
  const header = await packTar({ "srv/zeros": "" });
  const declared = Buffer.from(header.subarray(0, 512));
  // Writes one terabyte into the size field, in base 256.
  declared.fill(0, 124, 136);
  declared[124] = 0x80;
  declared.writeUIntBE(2 ** 40, 130, 6);
  declared.fill(" ", 148, 156);
  const sum = declared.reduce((total, byte) => total + byte, 0);
  declared.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  const image = named(openHost, await pushApp(openHost, "bomb", { layers: [declared] }));
  expect(await refused(app, image)).toContain("is too large: the layers of an image may unpack to");
});

test("a deployment that is aborted while its image is copied ends as aborted, and the former release serves", async () => {
  const app = await createApp("image-abort");
  const digest = await pushApp(openHost, "before");
  expect((await deployImage(app, named(openHost, digest))).deployment.status).toBe("success");
  const stalled = Promise.withResolvers<void>();
  // Serves the documents of the real registry, but no layer.
  const tar = await packTar({ "srv/other": "x" });
  const other = await pushApp(openHost, "after", { layers: [tar] });
  const lacking = sha256(gzipSync(tar));
  const answer = async (url: string, response: ServerResponse): Promise<void> => {
    if (url.endsWith(lacking)) {
      stalled.resolve();
      return;
    }
    const found = await fetch(`http://${openHost}${url}`, { headers: { accept: manifestType } });
    response.setHeader("content-type", found.headers.get("content-type") ?? "");
    response.end(Buffer.from(await found.arrayBuffer()));
  };
  const server = createServer((request, response) => void answer(request.url ?? "", response));
  served.defer(() => cutServer(server));
  server.listen(inject("hookPort"), "127.0.0.1");
  await once(server, "listening");
  const path = `/v1/apps/${app.name}/deployments`;
  const image = named(`127.0.0.1:${inject("hookPort")}`, other);
  const { deployment } = await call<{ deployment: DeploymentJson }>("POST", path, { deployment: { image } });
  await stalled.promise;
  await call("POST", `${path}/${deployment.id}/abort`, {});
  expect((await ended(app.name, deployment.id)).status).toBe("aborted");
  expect(await page(app.name)).toBe("before 1234 3000");
});
