// The router process: forwards requests for an app's host name to the app's instances.

import { createLogger, runMain, runService } from "@slipway/service";
import { startRouter } from "./app.ts";
import { readConfig } from "./config.ts";

process.exit(
  await runMain(async () => {
    const config = readConfig(process.env);
    const logger = createLogger({
      name: config.SERVICE_NAME ?? "router",
      level: config.LOG_LEVEL,
      format: config.LOG_FORMAT,
    });
    return runService({ logger, graceMs: config.GRACE_MS, start: () => startRouter(config, logger) });
  }),
);
