// npm run chaos: a long run of seeded faults under load, on private services.

import { parseArgs } from "node:util";
import { print, reasonOf, runCommand, runProgram, SetupError } from "@slipway/setup";

const usage = "give --faults N, --seed S (integers from 1) and --database sqlite or mongodb";

await runCommand(async () => {
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
