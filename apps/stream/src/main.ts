// The stream process: sends the events of deployments over WebSocket and socket.io.

import { createLogger, runMain, runService } from "@slipway/service";
import { startStream } from "./app.ts";
import { readConfig } from "./config.ts";

process.exit(
  await runMain(async () => {
    const config = readConfig(process.env);
    const logger = createLogger(config.log);
    return runService({ logger, graceMs: config.graceMs, start: () => startStream(config, logger) });
  }),
);
