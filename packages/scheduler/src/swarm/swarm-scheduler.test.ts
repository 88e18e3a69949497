import { describe, expect, test } from "vitest";
import { label } from "@slipway/core";
import { connectDocker, findContainers } from "@slipway/docker";
import {
  lacksEngine,
  lacksPrivateEngine,
  schedulerContract,
  startPrivateEngine,
  testEngine,
} from "@slipway/testkit";
import { openSwarmScheduler } from "./swarm-scheduler.ts";

describe.skipIf((await lacksEngine()) || (await lacksPrivateEngine()))("on a swarm", () => {
  schedulerContract("the scheduler for a Docker Swarm", async () => {
    const { stackImage } = await testEngine();
    const engine = await startPrivateEngine({ name: "swarm", swarm: true, images: [stackImage] });
    const { dockerHost } = engine;
    const direct = connectDocker({ dockerHost });
    return {
      image: stackImage,
      open: () => openSwarmScheduler({ installationId: "test", dockerHost, stopGraceMs: 1000 }),
      countContainers: async (rolloutId) =>
        (await findContainers(direct.docker, { [label.rollout]: rolloutId })).length,
      [Symbol.asyncDispose]: async () => {
        direct[Symbol.dispose]();
        await engine[Symbol.asyncDispose]();
      },
    };
  });
});

describe.skipIf(await lacksEngine())("on an engine that is no swarm", () => {
  test("a ping says so", async () => {
    const { dockerHost } = await testEngine();
    await using scheduler = openSwarmScheduler({ installationId: "test", dockerHost, stopGraceMs: 0 });
    await expect(scheduler.ping()).rejects.toMatchObject({
      code: "engine-unavailable",
      message: expect.stringContaining("not a swarm manager"),
    });
  });
});
