// Images that engines pull for users, with a real engine that pulls from a real registry.

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { connectDocker } from "@slipway/docker";
import {
  cutServer,
  eventually,
  lacksEngine,
  newInstallation,
  packTar,
  pushImage,
  startRegistry,
  testEngine,
} from "@slipway/testkit";
import type Docker from "dockerode";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openEngine } from "./docker-engine.ts";

const never = new AbortController().signal;
const hourMs = 3_600_000;
const allowed = { beforePull: async () => undefined, maxBytes: 1024 ** 2 };

describe.skipIf(await lacksEngine())("images that are pulled for users", () => {
  const opened = new AsyncDisposableStack();
  let registry: Awaited<ReturnType<typeof startRegistry>>;
  let dockerHost: string;
  let docker: Docker;

  beforeAll(async () => {
    registry = opened.use(await startRegistry());
    ({ dockerHost } = await testEngine());
    ({ docker } = opened.use(connectDocker({ dockerHost })));
  });
  afterAll(() => opened.disposeAsync());

  /** Pushes an image whose files total 200 kB. */
  async function pushed(name: string): Promise<string> {
    const layer = await packTar({ file: randomBytes(100_000).toString("hex") });
    await pushImage(registry.url, { repository: name, tag: "1", layer });
    const reference = `${registry.host}/${name}:1`;
    removeAtEnd(reference);
    return reference;
  }

  function removeAtEnd(reference: string): void {
    opened.defer(async () => {
      await docker
        .getImage(reference)
        .remove({ force: true })
        .catch(() => undefined); // the test removed it
    });
  }

  /** A proxy to a registry that forwards a request after `onRequest` has ended. @returns its host. */
  async function openProxy(url: string, onRequest: (path: string) => Promise<void>): Promise<string> {
    const proxy = createServer((incoming, response) => {
      const { url: path = "", method } = incoming;
      const pass = () =>
        request(`${url}${path}`, { method, headers: incoming.headers }, (upstream) => {
          response.writeHead(upstream.statusCode ?? 500, upstream.headers);
          upstream.pipe(response);
        }).end();
      onRequest(path).then(pass, () => response.destroy());
    });
    opened.defer(() => cutServer(proxy));
    await once(proxy.listen(0, "127.0.0.1"), "listening");
    return `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  }

  async function isThere(reference: string): Promise<boolean> {
    return docker
      .getImage(reference)
      .inspect()
      .then(
        () => true,
        () => false,
      );
  }

  async function opening(clockMs: number) {
    const installation = newInstallation();
    const now = () => new Date(Date.now() + clockMs);
    const engine = openEngine({ installationId: installation.id, dockerHost, now });
    return { engine, notes: `slipway-${installation.id}/pulled` };
  }

  test("a pull is checked before it, and an image that the engine has is not pulled", async () => {
    const { engine } = await opening(hourMs);
    await using _engine = engine;
    const image = await pushed("checked");
    const refusing = { ...allowed, beforePull: () => Promise.reject(new Error("too large")) };
    await expect(engine.inspectImage(image, never, refusing)).rejects.toThrow("too large");
    expect(await isThere(image)).toBe(false);
    await engine.inspectImage(image, never, allowed);
    await engine.inspectImage(image, never, refusing);
    await engine.pruneUserImages({ maxBytes: 0, kept: [] });
  });

  test("beyond the limit the least recently used are removed, except those in use, those that are kept, and those of others", async () => {
    const { engine, notes } = await opening(hourMs);
    await using _engine = engine;
    const names = ["oldest", "unused", "in-use", "kept", "foreign"];
    const [oldest = "", unused = "", inUse = "", kept = "", foreign = ""] = await Promise.all(
      names.map(pushed),
    );
    await engine.inspectImage(foreign, never);
    for (const image of [foreign, oldest, unused, inUse, kept, oldest])
      await engine.inspectImage(image, never, allowed);
    const container = await docker.createContainer({ Image: inUse, Cmd: ["none"] });
    opened.defer(() => container.remove());
    const { Size } = await docker.getImage(oldest).inspect();
    await engine.pruneUserImages({ maxBytes: 3 * Size, kept: [kept] });
    const left = async () => Promise.all([oldest, unused, inUse, kept, foreign].map(isThere));
    expect(await left()).toEqual([true, false, true, true, true]);
    await engine.pruneUserImages({ maxBytes: 0, kept: [kept] });
    expect(await left()).toEqual([false, false, true, true, true]);
    const noted = await docker.listImages({ filters: { reference: [notes] } });
    expect(noted).toHaveLength(2);
    for (const { RepoTags } of noted)
      for (const tag of RepoTags ?? []) opened.defer(() => docker.getImage(tag).remove());
  });

  test("an image whose caller has gone before the end of its pull is noted, and removed as others are", async () => {
    const { engine, notes } = await opening(hourMs);
    await using _engine = engine;
    const requested = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    const slow = await openProxy(registry.url, async (path) => {
      if (!path.includes("/blobs/")) return;
      requested.resolve();
      await released.promise;
    });
    const [, name = ""] = (await pushed("aborted")).split("/");
    const image = `${slow}/${name}`;
    removeAtEnd(image);
    const caller = new AbortController();
    const inspected = engine.inspectImage(image, caller.signal, allowed);
    await requested.promise;
    caller.abort(new Error("the deployment was aborted"));
    await expect(inspected).rejects.toThrow("the deployment was aborted");
    released.resolve();
    const noted = () => docker.listImages({ filters: { reference: [notes] } });
    await eventually(async () => (await noted()).length === 1);
    await engine.pruneUserImages({ maxBytes: 0, kept: [] });
    expect(await isThere(image)).toBe(false);
  });

  test("an image that was used within the last minutes stays", async () => {
    const { engine, notes } = await opening(0);
    await using _engine = engine;
    const image = await pushed("recent");
    await engine.inspectImage(image, never, allowed);
    await engine.pruneUserImages({ maxBytes: 0, kept: [] });
    expect(await isThere(image)).toBe(true);
    const [noted] = await docker.listImages({ filters: { reference: [notes] } });
    await docker.getImage(noted?.RepoTags?.find((tag) => tag.startsWith(notes)) ?? "").remove();
  });
});
