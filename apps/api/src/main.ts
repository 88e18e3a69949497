// The API process: REST API and queue dashboard. With the argument `user` it runs the user command instead and exits.

import { createLogger, runMain, runService } from "@slipway/service";
import { openStore } from "@slipway/store";
import { startApi } from "./app.ts";
import { readConfig, readStorageConfig } from "./config.ts";
import { runUserCommand } from "./users/user-command.ts";

const [command, ...args] = process.argv.slice(2);
process.exit(await runMain(command === "user" ? manageUsers : serve));

async function serve(): Promise<number> {
  const config = readConfig(process.env);
  const logger = createLogger(config.log);
  return runService({ logger, graceMs: config.graceMs, start: () => startApi(config, logger) });
}

async function manageUsers(): Promise<number> {
  const { databaseUrl } = readStorageConfig(process.env);
  await using store = await openStore({ databaseUrl });
  return await runUserCommand(args, {
    store,
    input: process.stdin,
    print: (line) => void process.stdout.write(`${line}\n`),
    showMessage: (text) => void process.stderr.write(text),
    now: () => new Date(),
  });
}
