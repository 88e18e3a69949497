// npm test: sets up private services, runs vitest on them, stops the services, and prints the counts.

import { mkdir, open, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  claimRun,
  errorText,
  installPrograms,
  print,
  readOwnConfig,
  readText,
  runCommand,
  runProgram,
  linePrinter,
  setup,
  SetupError,
  stopTestProcesses,
  tearDown,
  testsOf,
} from "@slipway/setup";
import type { Engine, SetupConfig } from "@slipway/setup";
import { ensureTestDatabase, prepareTestDatabase } from "./images/test-database.ts";
import type { TestDatabase } from "./images/test-database.ts";
import { despiteSignals, isInterrupted } from "./interruption.ts";
import { endOfRun, filesToRepeat, withSecondRun } from "./test-outcome.ts";
import type { TestReport } from "./test-outcome.ts";
import type { UnhandledError } from "./unhandled-errors.ts";

const printLine = linePrinter(process.stdout);

/**
 * The lanes of projects that run in parallel when no argument is given: a scenario mostly waits for containers, leases and timers. The
 * output of the first lane is printed as it arrives, the output of each other lane when the lane ends.
 */
const lanes = [["unit", "e2e-mongo", "compose"], ["e2e"], ["chaos", "fleet"]] as const;
/** In CI, at most this many failed files of a lane are run again: more failures have a common cause. */
const maxFilesAgain = 3;

await runCommand(async () => {
  const config = readOwnConfig("test");
  await using _lock = await claimRun(config.dataDir);
  const logFolder = join(config.dataDir, "logs");
  const exitCodes = await runTests(config, logFolder);
  const left = await despiteSignals(() => stopServices(config, exitCodes.some(isInterrupted)), printLine);
  const reports = await Promise.all(exitCodes.map((_, lane) => readReport(reportIn(logFolder, lane))));
  // Repeat the failures here, because each lane printed its own far above.
  const { lines, exitCode } = endOfRun(reports, exitCodes, left);
  lines.forEach(print);
  return exitCode;
});

/** Sets up the services and runs the lanes. A failed setup fails the run before any test. @returns the lanes' exit codes. */
async function runTests(config: SetupConfig, logFolder: string): Promise<number[]> {
  try {
    await mkdir(logFolder, { recursive: true });
    await Promise.all(lanes.map((_, lane) => rm(reportIn(logFolder, lane), { force: true })));
    const concurrently = (engine: Engine) => prepareTestDatabase(engine, config.dataDir, printLine);
    await setup({ config, concurrently, printLine });
    // chromium is large, and only one scenario needs it. Disks with quotas and HAProxy are needed by a few tests. Tests without their
    // programs are skipped.
    if (config.unattended)
      await installPrograms(["chromium", "haproxy", "mkfs.xfs", "mkfs.btrfs"], printLine);
    const mongo = await ensureTestDatabase(config, printLine);
    const args = process.argv.slice(2);
    if (mongo === "missing" && namesMongo(args))
      throw new SetupError("The project e2e-mongo needs MongoDB: see the reason above, or set MONGO_URL.");
    if (args.length > 0) return [await runVitest(reportIn(logFolder, 0), mongo, args)];
    const runs = lanes.map((projects, lane) => runLane(logFolder, lane, mongo, projects));
    const exitCodes = await Promise.all(runs);
    if (!config.unattended) return exitCodes;
    // The machine is idle now, so a test that failed only because it was slow passes. The end of the run reports it.
    const finalCodes: number[] = [];
    for (const [lane, exitCode] of exitCodes.entries())
      finalCodes.push(exitCode === 0 ? 0 : await runAgain(logFolder, lane, mongo, exitCode));
    return finalCodes;
  } catch (error) {
    process.stderr.write(` !     ${errorText(error)}\n`);
    return [1];
  }
}

/** Runs the projects of a lane. The first lane writes to the terminal, each other lane to a file that is printed when the lane ends. */
function runLane(
  logFolder: string,
  lane: number,
  mongo: TestDatabase,
  projects: readonly string[],
): Promise<number> {
  const args = projects.map((project) => `--project=${project}`);
  const report = reportIn(logFolder, lane);
  if (lane === 0) return runVitest(report, mongo, args);
  return runInBackground(report, mongo, args, join(logFolder, `lane-${lane + 1}.log`));
}

/**
 * Runs the failed files of a lane once more, and replaces the first report by the combined report of both runs.
 * @returns the exit code of the second run, or `firstExitCode` if there was none.
 */
async function runAgain(
  logFolder: string,
  lane: number,
  mongo: TestDatabase,
  firstExitCode: number,
): Promise<number> {
  const reportFile = reportIn(logFolder, lane);
  const report = await readReport(reportFile);
  if (report === undefined) return firstExitCode;
  const errors = await readUnhandledErrors(reportFile);
  for (const { text, file } of errors) print(`outside all tests, in ${file ?? "no file"}: ${text}`);
  const files = filesToRepeat(report, errors);
  if (files === undefined || files.length === 0 || files.length > maxFilesAgain) return firstExitCode;
  printLine(`again     ${files.join(" ")}`);
  const secondFile = join(logFolder, `vitest-${lane + 1}-again.json`);
  await rm(secondFile, { force: true });
  const projects = (lanes[lane] ?? []).map((project) => `--project=${project}`);
  const exitCode = await runVitest(secondFile, mongo, [...projects, ...files]);
  const second = await readReport(secondFile);
  if (second === undefined) return firstExitCode;
  await writeFile(reportFile, JSON.stringify(withSecondRun(report, second)));
  return exitCode;
}

/** Whether the arguments name the project e2e-mongo, as one argument or two. */
function namesMongo(args: readonly string[]): boolean {
  return args.some((arg) => arg === "e2e-mongo" || arg === "--project=e2e-mongo");
}

async function runInBackground(
  reportFile: string,
  mongo: TestDatabase,
  args: readonly string[],
  logFile: string,
): Promise<number> {
  printLine(`parallel  ${args.join(" ")}, output in ${logFile}`);
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
  const unhandledErrors = join(import.meta.dirname, "unhandled-errors.ts");
  const names = ["default", "json", unhandledErrors].map((name) => `--reporter=${name}`);
  const reporters = [...names, `--outputFile.json=${reportFile}`];
  const wanted = mongo === "missing" ? args.filter((arg) => arg !== "--project=e2e-mongo") : args;
  const leftOut =
    mongo === "missing" && !args.some((arg) => arg.startsWith("--project")) ? ["--project=!e2e-mongo"] : [];
  // TESTS_OF marks this vitest process; vitest.config.ts marks the processes that it starts.
  const environment = {
    TESTS_OF: testsOf,
    UNHANDLED_ERRORS_FILE: unhandledErrorsOf(reportFile),
    ...(typeof mongo === "object" ? { MONGO_URL: mongo.url } : {}),
  };
  return runProgram("vitest", ["run", ...reporters, ...leftOut, ...wanted], environment, output);
}

async function readUnhandledErrors(reportFile: string): Promise<UnhandledError[]> {
  const text = await readText(unhandledErrorsOf(reportFile));
  return text === undefined
    ? [{ text: "vitest ended early", file: null }]
    : (JSON.parse(text) as UnhandledError[]);
}

function unhandledErrorsOf(reportFile: string): string {
  return `${reportFile}.unhandled`;
}

function reportIn(logFolder: string, lane: number): string {
  return join(logFolder, `vitest-${lane + 1}.json`);
}

/**
 * Removes the services, and the images of the apps that the tests deployed. Tests that a signal interrupted could not stop their own
 * processes and remove their containers, so that is done here too.
 * @returns a line for each resource that is left.
 */
async function stopServices(config: SetupConfig, interrupted: boolean): Promise<string[]> {
  try {
    if (interrupted) await stopTestProcesses(testsOf, printLine);
    return await tearDown({
      config,
      removeAppImages: true,
      ...(interrupted ? { testsOf } : {}),
      printLine,
    });
  } catch (error) {
    return [errorText(error)];
  }
}

async function readReport(file: string): Promise<TestReport | undefined> {
  const text = await readText(file);
  return text === undefined ? undefined : (JSON.parse(text) as TestReport);
}
