import { describe, expect, test } from "vitest";
import { lacksEngine, newInstallation, schedulerContract, testEngine } from "@slipway/testkit";
import { openDockerScheduler } from "./docker-scheduler.ts";

describe.skipIf(await lacksEngine())("on a Docker Engine", () => {
  schedulerContract("the scheduler for one Docker host", async () => {
    const { dockerHost, stackImage } = await testEngine();
    const installation = newInstallation();
    return {
      dockerHost,
      image: stackImage,
      open: () => openDockerScheduler({ installationId: installation.id, dockerHost }),
      [Symbol.asyncDispose]: () => installation[Symbol.asyncDispose](),
    };
  });
});

test("a ping of an engine that does not exist fails with engine-unavailable", async () => {
  await using scheduler = openDockerScheduler({
    installationId: "test",
    dockerHost: "unix:///nowhere/docker.sock",
  });
  await expect(scheduler.ping()).rejects.toMatchObject({ code: "engine-unavailable" });
});
