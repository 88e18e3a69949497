import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { describe, expect, test } from "vitest";
import { requestEngine } from "./engine-api.ts";
import { lacksPrivateEngine, startPrivateEngine } from "./private-engine.ts";

describe.skipIf(await lacksPrivateEngine())("a private engine", () => {
  test("is a swarm of its own when asked to be, and leaves nothing", async () => {
    const first = await startPrivateEngine({ name: "first", swarm: true });
    const second = await startPrivateEngine({ name: "second" });
    const state = async (host: string): Promise<unknown> =>
      ((await requestEngine(host, "GET", "/info")) as { Swarm: { LocalNodeState: string } }).Swarm
        .LocalNodeState;
    expect(await state(first.dockerHost)).toBe("active");
    expect(await state(second.dockerHost)).toBe("inactive");
    for (const engine of [first, second]) {
      await engine[Symbol.asyncDispose]();
      expect(existsSync(dirname(engine.dockerHost.slice("unix://".length)))).toBe(false);
      await expect(requestEngine(engine.dockerHost, "GET", "/info")).rejects.toThrow(/ENOENT|ECONNREFUSED/);
    }
  });
});
