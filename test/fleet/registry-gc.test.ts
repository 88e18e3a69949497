// Garbage collection of the private registry while deployments run: no blob that an image contains is lost, and disk space is freed.

import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { holdRegistryWrites } from "@slipway/bus";
import { ApiClient } from "@slipway/cli/quickstart";
import { isFinal } from "@slipway/core";
import { redisKeys } from "@slipway/protocol";
import { readOwnConfig, repositoryRoot, setup, startApps, tearDown } from "@slipway/setup";
import type { AppEnvironment } from "@slipway/setup";
import { eventually, freePort, lacksEngine, packTarGz } from "@slipway/testkit";
import { answering, inlineApp } from "../e2e/apps.ts";

const held = "Waiting: the registry's garbage is being collected";
const program = join(repositoryRoot, "apps/cli/src/registry-gc.ts");

describe.skipIf(await lacksEngine())("garbage collection of the registry", () => {
  const opened = new AsyncDisposableStack();
  let environment: AppEnvironment;
  let api: ApiClient;
  const appNames: string[] = [];

  beforeAll(async () => {
    const own = readOwnConfig("test");
    // The builds run on the run image, so that only this image has to be pushed.
    const stackImage = `slipway-stack:${inject("environment").STACK_IMAGE.split(":").at(-1)}`;
    const config = { ...own, dataDir: join(own.dataDir, "registry-gc"), stackImage };
    const printLine = () => undefined;
    opened.defer(async () => void (await tearDown({ config, deleteData: true, printLine })));
    environment = await setup({ config, printLine });
    const ports = { API_PORT: String(await freePort()), STREAM_PORT: String(await freePort()) };
    const apps = await startApps(
      {
        ...environment,
        ...ports,
        ROUTER_PORT: String(await freePort()),
        WORKERS: "2",
        CONCURRENCY: "2",
        RESERVED_SLOTS: "0",
        RELEASES_KEPT: "2",
        STOP_GRACE_MS: "1000",
      },
      { printLine, logFolder: `${environment.DATA_DIR}/logs`, logFormat: "json", obeySignals: false },
    );
    opened.defer(() => apps.stop());
    api = await ApiClient.connect(`http://127.0.0.1:${ports.API_PORT}`, environment.BOOTSTRAP_TOKEN);
  }, 300_000);
  afterAll(async () => {
    for (const name of appNames) await api.request("DELETE", `/apps/${name}?current_name=${name}`);
    await opened.disposeAsync();
  });

  const createApp = async (prefix: string) => {
    const { name, id } = await api.createApp(`${prefix}-${randomBytes(3).toString("hex")}`);
    appNames.push(name);
    return { name, id };
  };
  const deploy = async (app: { readonly name: string }, files: Record<string, string>) =>
    (await api.createDeployment(app.name, await api.upload(await packTarGz(files)), "v1")).id;
  const output = async (app: { readonly name: string }, id: string) =>
    (await api.request("GET", `/apps/${app.name}/deployments/${id}/output`)).text();
  const ended = async (app: { readonly name: string }, id: string) =>
    eventually(async () => {
      const { status } = await api.deployment(app.name, id);
      return isFinal(status) && status;
    });
  const succeeds = async (app: { readonly name: string }, files: Record<string, string>) => {
    const id = await deploy(app, files);
    expect({ status: await ended(app, id), log: await output(app, id) }).toMatchObject({ status: "success" });
    return id;
  };

  test("garbage collection during deployments frees layers that no image contains, and every image stays complete", async () => {
    const [old, sharing] = [await createApp("old"), await createApp("sharing")];
    const large = sourceOf("first");
    await succeeds(old, large);
    const [digest] = (await imagesOf(`apps/${old.id}`)).map((image) => image.layers.at(-1));
    if (digest === undefined) throw new Error("the image has no layer");
    // This image shares all layers except its own with the image that is deleted.
    await succeeds(sharing, sourceOf("second"));
    for (const answer of ["third", "fourth"]) await succeeds(old, sourceOf(answer));
    await eventually(async () => (await imagesOf(`apps/${old.id}`)).length === 2);
    expect(await hasBlob(`apps/${old.id}`, digest)).toBe(true);
    const dry = await collect(["--dry-run"]);
    expect(dry).toMatchObject({ exitCode: 0, verb: "would delete" });
    expect(dry.bytes).toBeGreaterThan(largeBytes / 2);
    expect(await hasBlob(`apps/${old.id}`, digest)).toBe(true);

    const load = Promise.all(
      Array.from({ length: 3 }, async (_, index) => {
        const app = await createApp("load");
        for (let round = 1; round <= 2; round += 1) await succeeds(app, sourceOf(`${index}.${round}`));
      }),
    );
    const collection = collect([]);
    await Promise.all([load, collection]);
    const { exitCode, verb, bytes, blobs } = await collection;
    expect({ exitCode, verb }).toEqual({ exitCode: 0, verb: "deleted" });
    expect(bytes).toBeGreaterThan(largeBytes / 2);
    expect(blobs).toBeGreaterThanOrEqual(2);
    expect(await hasBlob(`apps/${old.id}`, digest)).toBe(false);
    // The remaining layers are found, and the deleted one is uploaded again.
    await succeeds(old, large);
    expect(await incomplete()).toEqual([]);
  }, 300_000);

  test("a push waits during garbage collection, and its log says so; pulls continue", async () => {
    const app = await createApp("held");
    await succeeds(app, sourceOf("serving"));
    const redis = new Redis(environment.REDIS_URL);
    const hold = await holdRegistryWrites(redis, redisKeys(environment.INSTALLATION_ID));
    if (hold === null) throw new Error("the hold is taken");
    const timer = setInterval(() => void hold.extend(), 1_000);
    try {
      const id = await deploy(app, sourceOf("next"));
      await eventually(async () => (await output(app, id)).includes(held));
      expect((await api.deployment(app.name, id)).status).toBe("pushing");
      expect(await incomplete()).toEqual([]);
      clearInterval(timer);
      await hold[Symbol.asyncDispose]();
      expect(await ended(app, id)).toBe("success");
    } finally {
      clearInterval(timer);
      redis.disconnect();
    }
  });

  test("pushes continue after a garbage collection was killed while they waited", async () => {
    const app = await createApp("killed");
    const child = spawn(process.execPath, [program], { env: variables() });
    const lines = createInterface(child.stderr);
    for await (const line of lines) if (line.includes("delaying pushes")) break;
    child.kill("SIGKILL");
    await once(child, "exit");
    await succeeds(app, sourceOf("after"));
    expect(await incomplete()).toEqual([]);
  });

  test("garbage collection refuses a registry that Slipway does not run, and says what to do", async () => {
    const child = spawn(process.execPath, [program], {
      env: { ...variables(), REGISTRY_URL: "http://someone:secret@registry.example" },
    });
    const [errors, [exitCode]] = await Promise.all([text(child.stderr), once(child, "exit")]);
    expect(exitCode).toBe(1);
    expect(errors).toContain("REGISTRY_URL (registry.example) names a registry that Slipway does not run");
    expect(errors).toContain("registry garbage-collect");
    expect(errors).not.toContain("secret");
  });

  function variables(): NodeJS.ProcessEnv {
    const { PATH } = process.env;
    return { PATH, DATA_DIR: environment.DATA_DIR };
  }

  async function collect(args: string[]) {
    const child = spawn(process.execPath, [program, ...args], { env: variables() });
    const [out, errors, [exitCode]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, "exit"),
    ]);
    const [, verb, blobs, bytes] = /^(would delete|deleted) (\d+) blobs, .* (\d+) bytes$/m.exec(out) ?? [];
    expect({ verb, errors }).toMatchObject({ verb: expect.any(String) });
    return { exitCode, verb, blobs: Number(blobs), bytes: Number(bytes) };
  }

  /** All missing or damaged blobs of all images. */
  async function incomplete(): Promise<string[]> {
    const { repositories } = (await (await requested("/v2/_catalog?n=1000")).json()) as Catalog;
    expect(repositories).toContain("slipway/stack");
    const found: string[] = [];
    for (const repository of repositories)
      for (const { blobs } of await imagesOf(repository))
        for (const digest of blobs) {
          const response = await requested(`/v2/${repository}/blobs/${digest}`);
          const hash = createHash("sha256").update(Buffer.from(await response.arrayBuffer()));
          if (`sha256:${hash.digest("hex")}` !== digest) found.push(`${repository} ${digest}`);
        }
    return found;
  }

  async function imagesOf(repository: string) {
    const listed = await requested(`/v2/${repository}/tags/list`);
    const { tags } = (await listed.json()) as { readonly tags?: readonly string[] | null };
    const images: { readonly layers: readonly string[]; readonly blobs: readonly string[] }[] = [];
    for (const tag of (tags ?? []).filter((one) => !one.startsWith("sha256-"))) {
      const response = await requested(`/v2/${repository}/manifests/${tag}`);
      // Housekeeping may have deleted the image in the meantime.
      if (response.status === 404) continue;
      const { config, layers } = (await response.json()) as Manifest;
      const digests = layers.map((layer) => layer.digest);
      images.push({ layers: digests, blobs: [config.digest, ...digests] });
    }
    return images;
  }

  async function hasBlob(repository: string, digest: string): Promise<boolean> {
    return (await requested(`/v2/${repository}/blobs/${digest}`, "HEAD")).status === 200;
  }

  async function requested(path: string, method = "GET"): Promise<Response> {
    const { username, password, origin } = new URL(environment.REGISTRY_URL);
    const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
    return fetch(`${origin}${path}`, { method, headers: { authorization, accept: manifestTypes } });
  }
});

interface Catalog {
  readonly repositories: readonly string[];
}

interface Manifest {
  readonly config: { readonly digest: string };
  readonly layers: readonly { readonly digest: string }[];
}

const manifestTypes =
  "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";
const largeBytes = 1_500_000;

/** An app that answers with a text, and has a file that cannot be compressed. */
function sourceOf(answer: string): Record<string, string> {
  const bytes = randomBytes((largeBytes * 3) / 4).toString("base64");
  return inlineApp("true", answering(answer), { "large.txt": bytes });
}
