import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { eventually } from "../eventually.ts";
import { requestEngine } from "./engine-api.ts";
import { lacksPrivateEngine, startPrivateEngine } from "./private-engine.ts";

describe.skipIf(await lacksPrivateEngine())("a private engine", () => {
  test("a private engine is a swarm on request, and leaves nothing behind", async () => {
    await using first = await startPrivateEngine({ name: "first", swarm: "manager" });
    await using second = await startPrivateEngine({ name: "second" });
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

  test("a private engine may be stopped by a test, and be disposed of while its process is ending", async () => {
    await using engine = await startPrivateEngine({ name: "stopped" });
    const folder = dirname(engine.dockerHost.slice("unix://".length));
    process.kill(Number(await readFile(join(folder, "pid"), "utf8")), "SIGTERM");
    await eventually(() =>
      requestEngine(engine.dockerHost, "GET", "/version").then(
        () => false,
        () => true,
      ),
    );
    await engine[Symbol.asyncDispose]();
    expect(existsSync(folder)).toBe(false);
  });
});
