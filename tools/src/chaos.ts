// npm run chaos: a long run of seeded faults under load, on private services.

import { parseArgs } from "node:util";
import { print, reasonOf, runCommand, runProgram, SetupError } from "@slipway/setup";

const usage = "give --faults N, --seed S (integers from 1) and --database sqlite or mongodb";
const help = `Usage: npm run chaos -- [options]

Starts a private Slipway, keeps three apps busy with deployments, injects faults one after the other, and checks at the end that
nothing was lost and nothing ran twice. Processes, Redis, MongoDB and the registry are killed, stopped and frozen; connections
to Redis and the engine are cut, blocked and slow; Redis is emptied; clocks jump if Debian's package libfaketime is installed.

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
  const environment = { CHAOS_FAULTS: faults, CHAOS_SEED: seed, CHAOS_DATABASE: database };
  return runProgram(process.execPath, ["tools/src/test.ts", "test/chaos/seeded.test.ts"], environment);
});

function options(): { readonly faults: string; readonly seed: string; readonly database: string } {
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
