import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, expect, test } from "vitest";
import { forbidStarts } from "./package-services.ts";

let folder = "";
let file = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-policy-"));
  file = join(folder, "policy-rc.d");
});
afterEach(() => rm(folder, { recursive: true }));

test("services may not start until the installation has ended", async () => {
  {
    using _policy = await forbidStarts(file);
    expect((await execa(file, ["redis-server", "start"], { reject: false })).exitCode).toBe(101);
  }
  await expect(stat(file)).rejects.toThrow("ENOENT");
});

test("an existing policy of the machine stays; a policy that a killed setup left is removed", async () => {
  await writeFile(file, "#!/bin/sh\nexit 0\n");
  (await forbidStarts(file))[Symbol.dispose]();
  expect(await readFile(file, "utf8")).toBe("#!/bin/sh\nexit 0\n");
  await rm(file);
  using _left = await forbidStarts(file);
  (await forbidStarts(file))[Symbol.dispose]();
  await expect(stat(file)).rejects.toThrow("ENOENT");
});

test("a signal removes the policy and ends the process", async () => {
  const program = `
    import { forbidStarts } from ${JSON.stringify(join(import.meta.dirname, "package-services.ts"))};
    await forbidStarts(${JSON.stringify(file)});
    process.kill(process.pid, "SIGTERM");
    setInterval(() => undefined, 1000);`;
  const { signal } = await execa(process.execPath, ["--input-type=module", "--eval", program], {
    reject: false,
  });
  expect(signal).toBe("SIGTERM");
  await expect(stat(file)).rejects.toThrow("ENOENT");
});
