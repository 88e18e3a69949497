// npm run down: stops and removes everything this clone started, including the services of its tests and benchmarks.

import { existsSync } from "node:fs";
import {
  attempt,
  findRun,
  findRunning,
  leftLines,
  print,
  readConfig,
  readOwnConfig,
  runCommand,
  linePrinter,
  stopOrphans,
  stopProcess,
  stopTestProcesses,
  takesOnly,
  tearDown,
  testsOf,
} from "@slipway/setup";

/** Additional time for the supervisor, after the apps' grace period. */
const supervisorExtraMs = 15_000;

const printLine = linePrinter(process.stdout);

await runCommand(async () => {
  const deleteData = takesOnly("down", ["--data"]).includes("--data");
  const config = readConfig();
  const own = [readOwnConfig("test"), readOwnConfig("bench")].filter(({ dataDir }) => existsSync(dataDir));
  const graceMs = config.graceMs + supervisorExtraMs;
  const running = await findRunning(config.dataDir);
  if (running) {
    printLine(
      `apps      stopping process ${running.pid}, which lets running work finish (up to ${config.graceMs / 1000} s)`,
    );
    await stopProcess(running, graceMs);
  }
  for (const { dataDir } of own) {
    const run = await findRun(dataDir);
    if (!run) continue;
    printLine(`tests     stopping process ${run.pid}, which runs them in ${dataDir}`);
    await stopProcess(run, graceMs);
  }
  await stopTestProcesses(testsOf, printLine);
  const left: string[] = [];
  for (const one of [...own, config]) {
    await attempt(left, one.dataDir, async () => {
      await stopOrphans(one.dataDir, config.graceMs, printLine);
      const removeAppImages = one !== config;
      left.push(...(await tearDown({ config: one, deleteData, removeAppImages, testsOf, printLine })));
    });
  }
  if (left.length === 0) print("down      done");
  leftLines(left).forEach(print);
  return left.length === 0 ? 0 : 1;
});
