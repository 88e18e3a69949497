// npm run user: creates, changes and deletes users of this installation, while it runs or while it is stopped.

import { readConfig, runCommand, runProgram } from "@slipway/setup";

await runCommand(() => {
  const { dataDir } = readConfig();
  const args = ["apps/api/src/main.ts", "user", ...process.argv.slice(2)];
  return runProgram(process.execPath, args, { DATA_DIR: dataDir });
});
