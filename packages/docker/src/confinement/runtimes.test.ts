import { lacksEngine, testEngine } from "@slipway/testkit";
import { describe, expect, test } from "vitest";
import { connectDocker } from "../connection.ts";
import { requireRuntime } from "./runtimes.ts";

describe.skipIf(await lacksEngine())("container runtimes", () => {
  test("a runtime of the engine is accepted; another one is an error that lists those of the engine", async () => {
    using connection = connectDocker(await testEngine());
    const { DefaultRuntime } = (await connection.docker.info()) as { readonly DefaultRuntime: string };
    await requireRuntime(connection.docker, "BUILD_RUNTIME", DefaultRuntime);
    await expect(requireRuntime(connection.docker, "BUILD_RUNTIME", "none-such")).rejects.toMatchObject({
      code: "configuration-invalid",
      message: expect.stringMatching(
        `^BUILD_RUNTIME is none-such, .+ has only the runtimes .*${DefaultRuntime}`,
      ),
    });
  });
});
