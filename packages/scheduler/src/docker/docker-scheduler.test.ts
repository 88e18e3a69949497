import { describe, expect, test } from "vitest";
import { label } from "@slipway/core";
import { lacksEngine, newInstallation, schedulerContract, testEngine } from "@slipway/testkit";
import { connectDocker, findContainers } from "@slipway/docker";
import { openDockerScheduler } from "./docker-scheduler.ts";

describe.skipIf(await lacksEngine())("on a Docker Engine", () => {
  schedulerContract("the scheduler for one Docker host", async () => {
    const { dockerHost, stackImage } = await testEngine();
    const installation = newInstallation();
    const direct = connectDocker({ dockerHost });
    return {
      image: stackImage,
      open: () => openDockerScheduler({ installationId: installation.id, dockerHost }),
      countContainers: async (rolloutId) =>
        (await findContainers(direct.docker, { [label.rollout]: rolloutId })).length,
      [Symbol.asyncDispose]: async () => {
        direct[Symbol.dispose]();
        await installation[Symbol.asyncDispose]();
      },
    };
  });
});

test("an engine that is not there is engine-unavailable", async () => {
  await using scheduler = openDockerScheduler({
    installationId: "test",
    dockerHost: "unix:///nowhere/docker.sock",
  });
  await expect(scheduler.ping()).rejects.toMatchObject({ code: "engine-unavailable" });
});
