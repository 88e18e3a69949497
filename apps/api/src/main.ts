// The API process: REST API and queue dashboard.

import { createLogger, runMain, runService } from "@slipway/service";
import { startApi } from "./app.ts";
import { readConfig } from "./config.ts";

process.exit(
  await runMain(async () => {
    const config = readConfig(process.env);
    const logger = createLogger({
      name: config.SERVICE_NAME ?? "api",
      level: config.LOG_LEVEL,
      format: config.LOG_FORMAT,
    });
    return runService({ logger, graceMs: config.GRACE_MS, start: () => startApi(config, logger) });
  }),
);
