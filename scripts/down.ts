// npm run down: stops and removes everything this clone started, its tests' and benchmarks' services included.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readConfig } from "./config.ts";
import { stopProcess } from "./setup/services.ts";
import { SetupError } from "./setup/setup-error.ts";
import { tearDown } from "./setup/teardown.ts";
import { findRunning, stopOrphans } from "./supervisor/running.ts";
import { print, runCommand, sayOn } from "./terminal.ts";

/** Beyond the apps' own grace. */
const supervisorExtraMs = 15_000;

const say = sayOn(process.stdout);

await runCommand(async () => {
  const deleteData = wantsDataDeleted(process.argv.slice(2));
  const { dataDir, graceMs } = readConfig();
  const running = await findRunning(dataDir);
  if (running) {
    say(
      `apps      stopping process ${running.pid}, which lets running work finish (up to ${graceMs / 1000} s)`,
    );
    await stopProcess(running, graceMs + supervisorExtraMs);
  }
  const nested = ["test", "bench"].map((name) => join(dataDir, name)).filter((folder) => existsSync(folder));
  for (const folder of [...nested, dataDir]) {
    await stopOrphans(folder, graceMs, say);
    await tearDown({ dataDir: folder, deleteData, say });
  }
  print("down      done");
  return 0;
});

function wantsDataDeleted(args: readonly string[]): boolean {
  const unknown = args.filter((arg) => arg !== "--data");
  if (unknown.length > 0)
    throw new SetupError(`npm run down does not know ${unknown.join(" ")}: it takes --data only.`);
  return args.includes("--data");
}
