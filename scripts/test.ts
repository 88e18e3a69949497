// npm test: real services of the tests' own, vitest on them, the services stopped again, and the counts at the end.
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { readConfig } from "./config.ts";
import { acquireLock, LockHeldError } from "./lock.mjs";
import { runProgram } from "./run-program.ts";
import { readText } from "./setup/files.ts";
import { setup } from "./setup/setup.ts";
import { installPrograms } from "./setup/system-packages.ts";
import { errorText, SetupError } from "./setup/setup-error.ts";
import { ensureTestDatabase } from "./setup/test-database.ts";
import type { TestDatabase } from "./setup/test-database.ts";
import { tearDown } from "./setup/teardown.ts";
import type { TestReport } from "./test-counts.ts";
import { countTests } from "./test-counts.ts";
import { print, runCommand, sayOn } from "./terminal.ts";

const say = sayOn(process.stdout);

await runCommand(async () => {
  const dataDir = join(readConfig().dataDir, "test");
  await using _lock = await claimTests(dataDir);
  const reportFile = join(dataDir, "logs", "vitest.json");
  const exitCode = await runTests(dataDir, reportFile);
  const stopped = await stopServices(dataDir);
  const { passed, failed } = countTests(await readReport(reportFile), exitCode);
  print(`${passed} passed, ${failed} failed`);
  return exitCode === 0 && !stopped ? 1 : exitCode;
});

async function claimTests(dataDir: string) {
  try {
    return await acquireLock(join(dataDir, "testing.json"));
  } catch (error) {
    if (!(error instanceof LockHeldError)) throw error;
    throw new SetupError(`The tests already run here (process ${error.holder.pid}): wait for their end.`);
  }
}

/** Services that cannot be set up fail the run by name before any test does. */
async function runTests(dataDir: string, reportFile: string): Promise<number> {
  try {
    await mkdir(join(dataDir, "logs"), { recursive: true });
    await rm(reportFile, { force: true });
    await setup({ dataDir, say });
    // large, and needed by one scenario only: elsewhere that is left out where there is no browser
    if (readConfig().unattended) await installPrograms(["chromium"], say);
    return await runVitest(reportFile, await ensureTestDatabase(dataDir, say));
  } catch (error) {
    process.stderr.write(` !     ${errorText(error)}\n`);
    return 1;
  }
}

function runVitest(reportFile: string, mongo: TestDatabase): Promise<number> {
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${reportFile}`];
  const leftOut = mongo === "missing" ? ["--project=!e2e-mongo"] : [];
  const environment = typeof mongo === "object" ? { MONGO_URL: mongo.url } : {};
  return runProgram("vitest", ["run", ...reporters, ...leftOut, ...process.argv.slice(2)], environment);
}

async function stopServices(dataDir: string): Promise<boolean> {
  try {
    await tearDown({ dataDir, say });
    return true;
  } catch (error) {
    process.stderr.write(` !     The tests' services could not be stopped: ${errorText(error)}\n`);
    return false;
  }
}

async function readReport(file: string): Promise<TestReport | undefined> {
  const text = await readText(file);
  return text === undefined ? undefined : (JSON.parse(text) as TestReport);
}
