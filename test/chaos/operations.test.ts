// Faults during restarts of apps: the former instances keep serving, the next attempt succeeds, and nothing is left behind.

import { describe, expect, test } from "vitest";
import { hasEnded, label } from "@slipway/core";
import type { OperationAnswer } from "@slipway/protocol";
import { eventually, lacksEngine } from "@slipway/testkit";
import { answering, inlineApp, waitIfHeld } from "../e2e/apps.ts";
import { holdAttempts, releaseNextAttempts, settled } from "./scenario.ts";
import type { SlipwayUnderTest } from "./slipway.ts";
import { useSlipway } from "./use-slipway.ts";

describe.skipIf(await lacksEngine())("an operation of the only worker", () => {
  let slipway: SlipwayUnderTest;
  useSlipway({ workers: [{}] }, (started) => {
    slipway = started;
  });

  const rolloutsOf = async (appId: string) => {
    const [engine] = slipway.engines;
    const ours = [`${label.installation}=${slipway.installationId}`, `${label.app}=${appId}`];
    const containers = await engine?.listContainers({ all: true, filters: { label: ours } });
    return (containers ?? []).map(({ Labels }) => Labels[label.rollout]);
  };

  test("a worker is killed while it restarts an app, and started again: the next attempt restarts the app", async () => {
    const [worker] = slipway.workers;
    const app = await slipway.createApp("restart");
    const deployment = await slipway.deploy(app, inlineApp("true", `${waitIfHeld}; ${answering("up")}`));
    await slipway.ended(deployment);
    await holdAttempts(slipway, app);
    const answer = await slipway.request("POST", `/v1/apps/${app.name}/restart`);
    const { id } = ((await answer.json()) as OperationAnswer).operation;
    await eventually(async () => (await rolloutsOf(app.id)).includes(id));
    await releaseNextAttempts(slipway, app);
    await worker?.kill();
    expect(await slipway.store.operations.get(id)).toMatchObject({ status: "running", attempt: 1 });
    expect(await slipway.page(app)).toBe("up");

    await worker?.start();
    const ended = await eventually(async () => {
      const found = await slipway.store.operations.get(id);
      return found !== null && hasEnded(found) ? found : undefined;
    });
    expect(ended).toMatchObject({ status: "done", attempt: 2 });
    expect(await slipway.page(app)).toBe("up");
    await settled(slipway, app, [deployment], []);
    expect(await rolloutsOf(app.id)).toEqual([id]);
  });

  test("an app is deleted while it is restarted: nothing of the app is left", async () => {
    const app = await slipway.createApp("deleted");
    await slipway.ended(await slipway.deploy(app, inlineApp("true", `${waitIfHeld}; ${answering("up")}`)));
    await holdAttempts(slipway, app);
    const path = `/v1/apps/${app.name}`;
    const [running, waiting] = [
      await slipway.request("POST", `${path}/restart`),
      await slipway.request("POST", `${path}/restart`),
    ];
    const { id } = ((await running.json()) as OperationAnswer).operation;
    await eventually(async () => (await rolloutsOf(app.id)).includes(id));
    const alive = (await slipway.listWorkers()).filter(({ state }) => state === "ready");
    expect(alive.flatMap(({ operations }) => operations)).toMatchObject([{ id, app_name: app.name }]);
    expect((await slipway.request("DELETE", `${path}?current_name=${app.name}`)).status).toBe(204);
    await eventually(async () => (await slipway.store.apps.get(app.id)) === null);
    expect(await rolloutsOf(app.id)).toEqual([]);
    const { id: second } = ((await waiting.json()) as OperationAnswer).operation;
    for (const gone of [id, second]) expect(await slipway.store.operations.get(gone)).toBeNull();
  });
});
