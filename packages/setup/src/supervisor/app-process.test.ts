import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
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

test("an app gets the variables of its spec and the machine's, but not those the shell exports for another Slipway", async () => {
  vi.stubEnv("DATABASE_URL", "mongodb://production/slipway");
  const script = join(folder, "app.ts");
  await writeFile(
    script,
    "process.send?.({ ready: true }); console.log(JSON.stringify(process.env)); process.disconnect();",
  );
  await using output = await open(join(folder, "log"), "w");
  const spec = { name: "app", script: relative(repositoryRoot, script), environment: { DATA_DIR: folder } };
  const app = await launchApp(spec, output.fd);
  await app.ready;
  expect(await app.ended).toBe("code 0");
  const environment = JSON.parse(await readFile(join(folder, "log"), "utf8")) as Record<string, string>;
  expect(environment).toMatchObject({ DATA_DIR: folder, HOME: process.env["HOME"] });
  expect(environment).not.toHaveProperty("DATABASE_URL");
});
