// npm test: real services of the tests' own, vitest on them, the services stopped again, and the counts at the end.
import { mkdir, open, rm } from "node:fs/promises";
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

/**
 * What runs side by side when everything is asked for: most of a scenario is waiting, for a container, a lease, a pause. The
 * second lane's output is shown when it ends.
 */
const lanes = [
  ["unit", "e2e"],
  ["chaos", "e2e-mongo", "compose"],
] as const;

await runCommand(async () => {
  const dataDir = join(readConfig().dataDir, "test");
  await using _lock = await claimTests(dataDir);
  const logFolder = join(dataDir, "logs");
  const exitCodes = await runTests(dataDir, logFolder);
  const stopped = await stopServices(dataDir);
  const counts = await Promise.all(
    exitCodes.map(async (exitCode, lane) =>
      countTests(await readReport(reportIn(logFolder, lane)), exitCode),
    ),
  );
  const passed = counts.reduce((sum, count) => sum + count.passed, 0);
  const failed = counts.reduce((sum, count) => sum + count.failed, 0);
  print(`${passed} passed, ${failed} failed`);
  const exitCode = exitCodes.find((code) => code !== 0) ?? 0;
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

/** Services that cannot be set up fail the run by name before any test does. @returns the lanes' exit codes. */
async function runTests(dataDir: string, logFolder: string): Promise<number[]> {
  try {
    await mkdir(logFolder, { recursive: true });
    await Promise.all(lanes.map((_, lane) => rm(reportIn(logFolder, lane), { force: true })));
    await setup({ dataDir, say });
    // large, and needed by one scenario only: elsewhere that is left out where there is no browser
    if (readConfig().unattended) await installPrograms(["chromium"], say);
    const mongo = await ensureTestDatabase(dataDir, say);
    const asked = process.argv.slice(2);
    if (asked.length > 0) return [await runVitest(reportIn(logFolder, 0), mongo, asked)];
    const [first, second] = lanes.map((projects) => projects.map((project) => `--project=${project}`));
    return await Promise.all([
      runVitest(reportIn(logFolder, 0), mongo, first ?? []),
      runBeside(reportIn(logFolder, 1), mongo, second ?? [], join(logFolder, "beside.log")),
    ]);
  } catch (error) {
    process.stderr.write(` !     ${errorText(error)}\n`);
    return [1];
  }
}

async function runBeside(
  reportFile: string,
  mongo: TestDatabase,
  args: readonly string[],
  logFile: string,
): Promise<number> {
  say(`beside    ${args.join(" ")}, into ${logFile}`);
  const log = await open(logFile, "w");
  try {
    return await runVitest(reportFile, mongo, args, log.fd);
  } finally {
    await log.close();
    process.stdout.write((await readText(logFile)) ?? "");
  }
}

function runVitest(
  reportFile: string,
  mongo: TestDatabase,
  args: readonly string[],
  output: number | "inherit" = "inherit",
): Promise<number> {
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${reportFile}`];
  const wanted = mongo === "missing" ? args.filter((arg) => arg !== "--project=e2e-mongo") : args;
  const leftOut =
    mongo === "missing" && !args.some((arg) => arg.startsWith("--project")) ? ["--project=!e2e-mongo"] : [];
  const environment = typeof mongo === "object" ? { MONGO_URL: mongo.url } : {};
  return runProgram("vitest", ["run", ...reporters, ...leftOut, ...wanted], environment, output);
}

function reportIn(logFolder: string, lane: number): string {
  return join(logFolder, `vitest-${lane + 1}.json`);
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
