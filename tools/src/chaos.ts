// npm run chaos: a long run of seeded faults under load, on private services.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { print, readText, reasonOf, runCommand, runProgram, SetupError } from "@slipway/setup";

const usage = "give --faults N, --seed S (integers from 1) and --database sqlite or mongodb";
const help = `Usage: npm run chaos -- [options]

Starts a private Slipway, keeps three apps busy with deployments, injects faults one after the other, and checks at the end that
nothing was lost and nothing ran twice. Processes, Redis, MongoDB and the registry are killed, stopped and frozen; connections
to Redis and the engine are cut, blocked and slow; Redis is emptied; clocks jump if Debian's package libfaketime is installed.
Ctrl-C ends the run, removes everything that it started, and prints the faults so far.

  --faults N            number of faults (default 30), about five seconds each
  --seed S              the same seed injects the same faults (default 1)
  --database DATABASE   sqlite (default) or mongodb
  --help                prints this text`;

await runCommand(async () => {
  if (process.argv.includes("--help")) {
    print(help);
    return 0;
  }
  const { faults, seed, database } = options();
  print(`chaos     ${faults} faults of seed ${seed} on ${database}`);
  const folder = await mkdtemp(join(tmpdir(), "slipway-chaos-"));
  try {
    const record = join(folder, "faults");
    const environment = {
      CHAOS_FAULTS: faults,
      CHAOS_SEED: seed,
      CHAOS_DATABASE: database,
      CHAOS_RECORD: record,
    };
    const args = ["tools/src/test.ts", "test/chaos/seeded.test.ts"];
    const exitCode = await runProgram(process.execPath, args, environment);
    if (exitCode !== 0) reportFaults((await readText(record)) ?? "", { faults, seed, database });
    return exitCode;
  } finally {
    await rm(folder, { recursive: true });
  }
});

interface ChaosOptions {
  readonly faults: string;
  readonly seed: string;
  readonly database: string;
}

/** Prints the faults up to the failure or the interruption, and how to repeat them. @param record one line per fault. */
function reportFaults(record: string, { faults, seed, database }: ChaosOptions): void {
  const lines = record.split("\n").filter((line) => line !== "");
  print(`chaos     ${lines.length} of ${faults} faults of seed ${seed} on ${database} were injected`);
  for (const line of lines) print(`          ${line}`);
  if (lines.length === 0) return;
  print(`repeat    npm run chaos -- --faults ${lines.length} --seed ${seed} --database ${database}`);
}

function options(): ChaosOptions {
  try {
    const { values } = parseArgs({
      options: {
        faults: { type: "string", default: "30" },
        seed: { type: "string", default: "1" },
        database: { type: "string", default: "sqlite" },
      },
    });
    const areNumbers = [values.faults, values.seed].every((text) => /^[1-9]\d{0,8}$/.test(text));
    if (!areNumbers || !["sqlite", "mongodb"].includes(values.database)) throw new Error(usage);
    return values;
  } catch (error) {
    throw new SetupError(reasonOf(error));
  }
}
