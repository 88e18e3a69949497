import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { repositoryRoot } from "../repository.ts";
import { launchApp } from "./app-process.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-app-"));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

test("an app gets the Node.js options and variables of its spec and the machine's variables, but not those the shell exports for another Slipway", async () => {
  vi.stubEnv("DATABASE_URL", "mongodb://production/slipway");
  const script = join(folder, "app.ts");
  await writeFile(
    script,
    "process.send?.({ ready: true }); console.log(JSON.stringify({ ...process.env, options: process.execArgv })); process.disconnect();",
  );
  await using output = await open(join(folder, "log"), "w");
  const spec = { name: "app", script: relative(repositoryRoot, script), environment: { DATA_DIR: folder } };
  const app = await launchApp({ ...spec, nodeOptions: ["--max-semi-space-size=1"] }, output.fd);
  await app.ready;
  expect(await app.ended).toBe("code 0");
  const environment = JSON.parse(await readFile(join(folder, "log"), "utf8")) as Record<string, unknown>;
  expect(environment).toMatchObject({ DATA_DIR: folder, HOME: process.env["HOME"] });
  expect(environment).toMatchObject({ options: ["--max-semi-space-size=1"] });
  expect(environment).not.toHaveProperty("DATABASE_URL");
});

test("SIGUSR2 drains a service, which says so to its supervisor and ends when its work has ended", async () => {
  const script = join(folder, "app.ts");
  const service = pathToFileURL(join(repositoryRoot, "packages/service/src/index.ts")).href;
  await writeFile(
    script,
    `import { createLogger, runService } from ${JSON.stringify(service)};
     import { once } from "node:events";
     import { watch } from "node:fs";
     const logger = createLogger({ name: "app", level: "info" });
     const start = async () => ({
       drain: async () => void (await once(watch(${JSON.stringify(folder)}), "change")),
       stop: async () => logger.info("stop"),
     });
     process.exit(await runService({ logger, graceMs: 1_000, start }));`,
  );
  await using output = await open(join(folder, "log"), "w");
  const spec = { name: "app", script: relative(repositoryRoot, script), environment: {} };
  const app = await launchApp(spec, output.fd);
  await app.ready;
  expect(app.isDraining()).toBe(false);
  process.kill(app.pid, "SIGUSR2");
  await expect.poll(() => app.isDraining()).toBe(true);
  await writeFile(join(folder, "work-has-ended"), "");
  expect(await app.ended).toBe("code 0");
  expect(await readFile(join(folder, "log"), "utf8")).toContain('"because":"drained"');
});
