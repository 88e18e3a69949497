import { copyFile, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { repositoryRoot } from "@slipway/setup";
import { lacksEngine } from "@slipway/testkit";

const script = join(repositoryRoot, "apps", "cli", "secrets.sh");
let folder = "";
let file = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-secrets-"));
  file = join(folder, ".env");
});
afterEach(() => rm(folder, { recursive: true }));

const run = (...args: string[]) => execa(script, args, { reject: false });

describe.skipIf(await lacksEngine())("secrets.sh", () => {
  test("secrets.sh generates each secret of .env.example once, readable by the file's owner only", async () => {
    await copyFile(join(repositoryRoot, ".env.example"), file);
    const { stdout, exitCode } = await run(file);
    expect({ exitCode, lastLine: stdout.split("\n").at(-1) }).toEqual({
      exitCode: 0,
      lastLine: `${file} is complete`,
    });
    const made = await readFile(file, "utf8");
    expect(made).not.toMatch(/^[A-Z_]+=$/m);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await run(file)).stdout).toBe(`${file} is complete`);
    expect(await readFile(file, "utf8")).toBe(made);
  });

  test("secrets.sh adds missing lines, fills empty ones, and keeps the rest", async () => {
    await writeFile(file, 'REDIS_PASSWORD=mine\nSIGNING_KEYS=""\nMONGO_PASSWORD=\nLOG_LEVEL=debug');
    const { exitCode } = await run(file);
    const text = await readFile(file, "utf8");
    expect(exitCode).toBe(0);
    expect(text).toMatch(
      /^REDIS_PASSWORD=mine\nSIGNING_KEYS=[0-9a-f]{64}\nMONGO_PASSWORD=[0-9a-f]{48}\nLOG_LEVEL=debug\nINSTALLATION_ID=[0-9a-f]{8}\n/,
    );
    expect(text).toMatch(
      /^BOOTSTRAP_TOKEN=tk-us-[0-9a-f]{48}\n(?:REDIS_(?:API|STREAM|ROUTER|WORKER)_PASSWORD=[0-9a-f]{48}\n){4}REGISTRY_PASSWORD=[0-9a-f]{48}\nREGISTRY_SECRET=[0-9a-f]{48}\nDOCKER_GID=\d+\n$/m,
    );
  });
});

test("secrets.sh has help, and refuses unknown options and missing files", async () => {
  expect((await run("--help")).stdout).toMatch(/^Usage: apps\/cli\/secrets\.sh \[FILE\]/);
  expect((await run("--force")).stderr).toContain("there is no option --force");
  expect((await run(file)).stderr).toContain(`there is no ${file}`);
});
