// A private image registry for tests: the program `docker-registry` on a free port, with a folder of its own.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { poll } from "@slipway/async";
import { freePort } from "./free-port.ts";

const pollMs = 50;
const manifestType = "application/vnd.docker.distribution.manifest.v2+json";
const configType = "application/vnd.docker.container.image.v1+json";
const layerType = "application/vnd.docker.image.rootfs.diff.tar.gzip";

export interface TestRegistry extends AsyncDisposable {
  readonly url: string;
  /** `127.0.0.1:PORT`, the prefix of its images' names. Engines accept it without TLS. */
  readonly host: string;
  /** The folder of its repositories. */
  readonly repositories: string;
}

/** An image of one layer. */
export interface TestImage {
  readonly repository: string;
  readonly tag: string;
  /** The layer as a tar; a registry does not check that it is one, an engine does. */
  readonly layer: Uint8Array;
  /** The image's defaults for containers, such as `Env`. */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** The login of a registry that requires one, with the line of its htpasswd file. */
export const registryLogin = {
  username: "puller",
  password: "pull-secret-7c1e",
  htpasswd: "puller:$2y$04$abcdefghijklmnopqrstuuhIuXn97M5UJLH2SMocp..OEWjYvoOG2",
} as const;

export interface TestRegistryOptions {
  /** Default: any free port. */
  readonly port?: number;
  /** Whether the registry requires `registryLogin`. */
  readonly requiresLogin?: boolean;
}

/** @throws when `docker-registry` is not on PATH, or does not start. */
export async function startRegistry({
  port,
  requiresLogin = false,
}: TestRegistryOptions = {}): Promise<TestRegistry> {
  await using opened = new AsyncDisposableStack();
  const folder = opened.adopt(await mkdtemp(join(tmpdir(), "slipway-registry-")), (path) =>
    rm(path, { recursive: true, force: true }),
  );
  const host = `127.0.0.1:${port ?? (await freePort())}`;
  const url = `http://${host}`;
  const file = join(folder, "config.yml");
  const htpasswd = join(folder, "htpasswd");
  await writeFile(htpasswd, `${registryLogin.htpasswd}\n`);
  await writeFile(file, configuration(folder, host) + (requiresLogin ? loginConfiguration(htpasswd) : ""));
  const server = spawn("docker-registry", ["serve", file], { stdio: "ignore" });
  try {
    await once(server, "spawn");
  } catch (error) {
    throw new Error("docker-registry is not on PATH: install it", { cause: error });
  }
  const exited = once(server, "exit");
  opened.defer(async () => {
    server.kill();
    await exited;
  });
  const hasExited = (): boolean => server.exitCode !== null || server.signalCode !== null;
  await poll(async () => hasExited() || (await answers(url)), { everyMs: pollMs });
  if (hasExited()) throw new Error(`docker-registry exited with code ${server.exitCode} at its start`);
  const owned = opened.move();
  const repositories = join(folder, "data/docker/registry/v2/repositories");
  return { url, host, repositories, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Pushes an image over the registry's API, without an engine. @returns its digest. */
export async function pushImage(url: string, image: TestImage): Promise<string> {
  const base = `${url}/v2/${image.repository}`;
  const layer = gzipSync(image.layer);
  const config = Buffer.from(
    JSON.stringify({
      architecture: "amd64",
      os: "linux",
      config: image.config ?? {},
      rootfs: { type: "layers", diff_ids: [sha256(image.layer)] },
    }),
  );
  for (const blob of [layer, config]) {
    const upload = await requested(`${base}/blobs/uploads/`, { method: "POST" });
    const location = `${upload.headers.get("location")}&digest=${sha256(blob)}`;
    const headers = { "content-type": "application/octet-stream" };
    await requested(location, { method: "PUT", body: new Uint8Array(blob), headers });
  }
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: manifestType,
    config: { mediaType: configType, digest: sha256(config), size: config.length },
    layers: [{ mediaType: layerType, digest: sha256(layer), size: layer.length }],
  });
  const headers = { "content-type": manifestType };
  await requested(`${base}/manifests/${image.tag}`, { method: "PUT", headers, body: manifest });
  return sha256(Buffer.from(manifest));
}

async function requested(url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, init);
  if (!response.ok)
    throw new Error(
      `the registry responded ${response.status} to ${init.method} ${url}: ${await response.text()}`,
    );
  return response;
}

async function answers(url: string): Promise<boolean> {
  try {
    return [200, 401].includes((await fetch(`${url}/v2/`)).status);
  } catch {
    return false;
  }
}

function configuration(folder: string, address: string): string {
  return `version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: ${folder}/data}, delete: {enabled: true}}
http: {addr: "${address}", secret: test}
`;
}

function loginConfiguration(htpasswd: string): string {
  return `auth: {htpasswd: {realm: test, path: ${htpasswd}}}
`;
}

function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
