// The worker process: takes deployments from the queue and runs the pipeline.

import { createLogger, runMain, runService } from "@slipway/service";
import { startWorker } from "./app.ts";
import { readConfig } from "./config.ts";

process.exit(
  await runMain(async () => {
    const config = readConfig(process.env);
    const logger = createLogger({
      name: config.SERVICE_NAME ?? "worker",
      level: config.LOG_LEVEL,
      format: config.LOG_FORMAT,
    });
    return runService({ logger, graceMs: config.GRACE_MS, start: () => startWorker(config, logger) });
  }),
);
