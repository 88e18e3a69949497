// Housekeeping after a successful deployment delays neither it nor the next one: the former release is stopped and old images
// are removed while the app's lane is free, also after a crash of the worker or a loss of Redis' data.

import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { hasEnded, isFinal, label } from "@slipway/core";
import type { AppBody, DeploymentAnswer, OperationAnswer } from "@slipway/protocol";
import { eventually, lacksEngine } from "@slipway/testkit";
import { answering, inlineApp } from "../e2e/apps.ts";
import { RegistryProxy } from "./registry-proxy.ts";
import { settled, stubborn } from "./scenario.ts";
import { SlipwayUnderTest } from "./slipway.ts";
import { reportStateOfFailed } from "./state.ts";

/** Longer than a deployment takes on a busy machine: the test itself kills the processes that have to end. */
const long = { STOP_GRACE_MS: "60000" };
const short = { STOP_GRACE_MS: "4000" };

describe.skipIf(await lacksEngine())("after a deployment's success", () => {
  let opened: AsyncDisposableStack;
  let slipway: SlipwayUnderTest;
  let registry: RegistryProxy;
  beforeEach(async () => {
    opened = new AsyncDisposableStack();
    registry = opened.use(await RegistryProxy.open(inject("environment").REGISTRY_URL));
  });
  afterEach(async ({ task }) => {
    await using _ = opened;
    await reportStateOfFailed(task, slipway);
  });

  test("an app's lane is free while the former release, which ignores SIGTERM, stops", async () => {
    await start(long);
    const app = await slipway.createApp("stubborn");
    const first = await deployed(app, stubborn("first"));
    const second = await deployed(app, stubborn("second"));
    expect(await runningOf(app)).toContain(first.releaseId);
    const restarted = await restart(app);
    expect(await slipway.page(app)).toBe("second");
    const both = [first.releaseId, second.releaseId];
    expect(await runningOf(app)).toEqual(expect.arrayContaining([...both, restarted]));
    const shown = (await (await slipway.request("GET", `/v1/apps/${app.name}/ps`)).json()) as {
      containers: { id: string }[];
    };
    const current = (await containersOf(app)).filter(({ Labels }) => Labels[label.rollout] === restarted);
    expect(shown.containers.map(({ id }) => id)).toEqual(current.map(({ Id }) => Id));
    await killFormer(app, restarted);
    await eventually(async () => (await rolloutsOf(app)).length === 1);
    await settled(slipway, app, [first.id, second.id], []);
  });

  test("a worker is killed while a former release stops: the next worker removes the release", async () => {
    await start(short);
    const app = await slipway.createApp("dies");
    const first = await deployed(app, stubborn("first"));
    const second = await deployed(app, answering("second"));
    const [worker] = slipway.workers;
    await worker?.kill();
    expect(await rolloutsOf(app)).toContain(first.releaseId);
    await worker?.start();
    await eventually(async () => (await rolloutsOf(app)).join() === second.releaseId);
    await settled(slipway, app, [first.id, second.id], []);
  });

  test("a worker is killed and Redis loses its data while a former release stops: the sweep removes the release", async () => {
    await start(short);
    const app = await slipway.createApp("swept");
    const first = await deployed(app, stubborn("first"));
    const second = await deployed(app, answering("second"));
    const [worker] = slipway.workers;
    await worker?.kill();
    expect(await rolloutsOf(app)).toContain(first.releaseId);
    const client = new Redis(slipway.redis.url);
    await client.flushall();
    client.disconnect();
    await worker?.start();
    await eventually(async () => (await rolloutsOf(app)).join() === second.releaseId);
    await settled(slipway, app, [first.id, second.id], []);
  });

  test("a worker that receives SIGTERM while a former release stops ends at once, and the next worker removes the release", async () => {
    await start({ STOP_GRACE_MS: "20000", GRACE_MS: "60000" });
    const app = await slipway.createApp("leaves");
    const first = await deployed(app, stubborn("first"));
    const second = await deployed(app, answering("second"));
    const [worker] = slipway.workers;
    expect(await worker?.stop()).toBe("code 0");
    expect(await runningOf(app)).toContain(first.releaseId);
    await killFormer(app, second.releaseId ?? "");
    await worker?.start();
    await eventually(async () => (await rolloutsOf(app)).join() === second.releaseId);
    await settled(slipway, app, [first.id, second.id], []);
  });

  test("the registry hangs while an old image is removed: the next deployment succeeds meanwhile, and keeps its image", async () => {
    await start({ RELEASES_KEPT: "2" });
    const app = await slipway.createApp("hangs");
    registry.blockDeletions();
    const ids: string[] = [];
    for (const text of ["a", "b", "c"]) ids.push((await deployed(app, answering(text))).id);
    const blocked = await eventually(async () => registry.blockedDeletions[0]);
    // The same source as the image that is being removed.
    const again = await deployed(app, answering("a"));
    expect(registry.blockedDeletions).toContain(blocked);
    const path = `/v1/apps/${app.name}/deployments`;
    const answer = await slipway.request("POST", path, { deployment: { release: 1 } });
    const { deployment } = (await answer.json()) as DeploymentAnswer;
    expect((await slipway.ended(deployment.id)).failure?.message).toContain("no longer kept");
    registry.unblockDeletions();
    ids.push(again.id);
    const kept = ids.slice(2).toSorted();
    await eventually(async () => (await tagsOf(app)).join() === kept.join());
    expect(await restart(app)).not.toBe("");
    expect(await slipway.page(app)).toBe("a");
    const image = (await slipway.store.releases.get(again.releaseId ?? ""))?.image ?? "";
    const manifest = `${registry.url}/v2/apps/${app.id}/manifests/${image.split("@")[1]}`;
    const headers = { accept: "application/vnd.oci.image.manifest.v1+json" };
    expect((await fetch(manifest, { method: "HEAD", headers })).status).toBe(200);
    await settled(slipway, app, [...ids, deployment.id], []);
  });

  async function start(settings: Readonly<Record<string, string>>): Promise<void> {
    slipway = opened.use(
      await SlipwayUnderTest.start({ workers: [{}], settings, registryUrl: registry.url }),
    );
  }

  async function deployed(app: AppBody, web: string) {
    const id = await slipway.deploy(app, inlineApp("true", web));
    const deployment = await slipway.until(id, ({ status }) => isFinal(status));
    expect(deployment.status).toBe("success");
    return deployment;
  }

  /** @returns the operation's id when it is done. */
  async function restart(app: AppBody): Promise<string> {
    const answer = await slipway.request("POST", `/v1/apps/${app.name}/restart`);
    const { id } = ((await answer.json()) as OperationAnswer).operation;
    const ended = await eventually(async () => {
      const found = await slipway.store.operations.get(id);
      return found !== null && hasEnded(found) ? found : undefined;
    });
    expect(ended).toMatchObject({ status: "done" });
    return id;
  }

  async function containersOf({ id }: AppBody) {
    const ours = [`${label.installation}=${slipway.installationId}`, `${label.app}=${id}`];
    return (await slipway.engines[0]?.listContainers({ all: true, filters: { label: ours } })) ?? [];
  }

  /** Ids of the app's rollouts that have a container in any state. */
  async function rolloutsOf(app: AppBody): Promise<string[]> {
    return (await containersOf(app)).flatMap(({ Labels }) => Labels[label.rollout] ?? []);
  }

  async function runningOf(app: AppBody): Promise<string[]> {
    const running = (await containersOf(app)).filter(({ State }) => State === "running");
    return running.flatMap(({ Labels }) => Labels[label.rollout] ?? []);
  }

  async function killFormer(app: AppBody, current: string): Promise<void> {
    for (const { Id, Labels } of await containersOf(app)) {
      if (Labels[label.rollout] !== current) await slipway.engines[0]?.getContainer(Id).kill();
    }
  }

  async function tagsOf({ id }: AppBody): Promise<string[]> {
    const answer = await fetch(`${registry.url}/v2/apps/${id}/tags/list`);
    const { tags } = (await answer.json()) as { tags: string[] | null };
    // Without the tags that list an image's attachments.
    return (tags ?? []).filter((tag) => !tag.startsWith("sha256-")).toSorted();
  }
});
