import { expect, test } from "vitest";
import { connectDocker } from "./connection.ts";
import { ranOutOfMemory } from "./out-of-memory.ts";

test.for([1, 2, 127, 153])(
  "exit code %i is the process's own when the engine cannot be queried",
  async (exitCode) => {
    using connection = connectDocker({ dockerHost: "unix:///nowhere/docker.sock" });
    expect(await ranOutOfMemory(connection.docker, "any", exitCode)).toBe(false);
  },
);

test.for([0, 137, 143])(
  "exit code %i may be the engine's fault when it cannot be queried",
  async (exitCode) => {
    using connection = connectDocker({ dockerHost: "unix:///nowhere/docker.sock" });
    await expect(ranOutOfMemory(connection.docker, "any", exitCode)).rejects.toMatchObject({
      code: "engine-unavailable",
    });
  },
);
