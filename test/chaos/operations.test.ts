// A worker that dies while it restarts an app: what served serves on, and the next attempt does it.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isOver, label } from "@slipway/core";
import type { OperationAnswer } from "@slipway/protocol";
import { lacksEngine } from "@slipway/testkit";
import { answering, inlineApp } from "../e2e/apps.ts";
import { settled } from "./scenario.ts";
import { eventually, SlipwayUnderTest } from "./slipway.ts";

describe.skipIf(await lacksEngine())("the only worker", () => {
  let slipway: SlipwayUnderTest;
  beforeAll(async () => {
    slipway = await SlipwayUnderTest.start({ workers: [{}] });
  });
  afterAll(() => slipway[Symbol.asyncDispose]());

  const rolloutsOf = async (appId: string) => {
    const [engine] = slipway.engines;
    const ours = [`${label.installation}=${slipway.installationId}`, `${label.app}=${appId}`];
    const containers = await engine?.listContainers({ all: true, filters: { label: ours } });
    return (containers ?? []).map(({ Labels }) => Labels[label.rollout]);
  };

  test("killed while it restarts an app, and started again", async () => {
    const [worker] = slipway.workers;
    const app = await slipway.createApp("restart");
    const deployment = await slipway.deploy(app, inlineApp("true", `sleep 1; ${answering("up")}`));
    await slipway.ended(deployment);
    const answer = await slipway.ask("POST", `/v1/apps/${app.name}/restart`);
    const { id } = ((await answer.json()) as OperationAnswer).operation;
    await eventually(async () => ((await rolloutsOf(app.id)).includes(id) ? true : undefined));
    await worker?.kill();
    expect(await slipway.store.operations.get(id)).toMatchObject({ status: "running", attempt: 1 });
    expect(await slipway.page(app)).toBe("up");

    await worker?.start();
    const ended = await eventually(async () => {
      const found = await slipway.store.operations.get(id);
      return found !== null && isOver(found) ? found : undefined;
    });
    expect(ended).toMatchObject({ status: "done", attempt: 2 });
    expect(await slipway.page(app)).toBe("up");
    expect(await rolloutsOf(app.id)).toEqual([id]);
    await settled(slipway, app, [deployment], []);
  });
});
