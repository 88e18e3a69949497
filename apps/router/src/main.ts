// The router process: forwards requests for an app's host name to the app's instances.

import { createLogger, runMain, runService } from "@slipway/service";
import { startRouter } from "./app.ts";
import { readConfig } from "./config.ts";

process.exit(
  await runMain(async () => {
    const config = readConfig(process.env);
    const logger = createLogger(config.log);
    return runService({ logger, graceMs: config.graceMs, start: () => startRouter(config, logger) });
  }),
);
