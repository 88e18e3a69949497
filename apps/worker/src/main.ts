// The worker process: takes deployments from the queue and runs the pipeline.

import { createLogger, runMain, runService } from "@slipway/service";
import { startWorker } from "./app.ts";
import { readConfig } from "./config.ts";

process.exit(
  await runMain(async () => {
    const config = readConfig(process.env);
    const logger = createLogger(config.log);
    return runService({ logger, graceMs: config.graceMs, start: () => startWorker(config, logger) });
  }),
);
