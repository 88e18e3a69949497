// The contract of a scheduler about images that its engine stores: which ones there are, and how they are removed.

import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { pullImage, requestEngine } from "../docker/engine-api.ts";
import { packTar } from "../pack-tar-gz.ts";
import { pushImage, startRegistry } from "../registry.ts";
import { never } from "./rollouts.ts";
import type { SchedulerUnderTest } from "./under-test.ts";

export function imagesContract({ scheduler, dockerHost }: SchedulerUnderTest): void {
  test("images of a repository are listed by digest, without those of other repositories", async () => {
    await using images = await openImages(dockerHost());
    const { repository } = images;
    expect(await scheduler().imageDigests(repository, never)).toEqual([]);
    const digests = [await images.pull(repository), await images.pull(repository)];
    const other = await images.pull(`${repository}-other`);
    const found = await scheduler().imageDigests(repository, never);
    expect(found.toSorted()).toEqual(digests.toSorted());
    expect(await scheduler().imageDigests(`${repository}-other`, never)).toEqual([other]);
  });

  test("removing an image removes only that image, and none that a container uses", async () => {
    await using images = await openImages(dockerHost());
    const { repository } = images;
    const [used, unused] = [await images.pull(repository), await images.pull(repository)];
    const removeContainer = await images.createContainer(`${repository}@${used}`);
    await scheduler().removeImage(repository, used, never);
    await scheduler().removeImage(repository, unused, never);
    expect(await scheduler().imageDigests(repository, never)).toEqual([used]);
    await scheduler().removeImage(repository, unused, never);
    await removeContainer();
    await scheduler().removeImage(repository, used, never);
    expect(await scheduler().imageDigests(repository, never)).toEqual([]);
  });

  test("calls about images reject with the reason of an aborted signal", async () => {
    const aborted = AbortSignal.abort(new Error("no longer needed"));
    const digest = `sha256:${"0".repeat(64)}`;
    await expect(scheduler().imageDigests("127.0.0.1:1/none", aborted)).rejects.toThrow("no longer needed");
    const removed = scheduler().removeImage("127.0.0.1:1/none", digest, aborted);
    await expect(removed).rejects.toThrow("no longer needed");
  });
}

/** A registry with images for the engine. Disposing it removes them, and containers of them, from the engine. */
async function openImages(dockerHost: string) {
  await using opened = new AsyncDisposableStack();
  const registry = opened.use(await startRegistry());
  const cleanup = opened.use(new AsyncDisposableStack());
  const remove = (path: string) => requestEngine(dockerHost, "DELETE", path);
  const owned = opened.move();
  return {
    repository: `${registry.host}/apps/${randomUUID()}`,
    /** Makes an image that differs from all others and has the engine pull it by digest, as releases are. @returns its digest. */
    async pull(repository: string): Promise<string> {
      const layer = await packTar({ content: randomUUID() });
      const path = repository.slice(registry.host.length + 1);
      const digest = await pushImage(registry.url, { repository: path, tag: randomUUID(), layer });
      await pullImage(dockerHost, `${repository}@${digest}`);
      cleanup.defer(async () => void (await remove(`/images/${repository}@${digest}`)));
      return digest;
    },
    /** Creates a container and does not start it. @returns what removes it. */
    async createContainer(image: string): Promise<() => Promise<unknown>> {
      const body = { Image: image, Cmd: ["never-started"] };
      const created = await requestEngine(dockerHost, "POST", "/containers/create", body);
      const { Id } = created as { Id: string };
      cleanup.defer(async () => void (await remove(`/containers/${Id}`)));
      return () => remove(`/containers/${Id}`);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
