// Slipway's stream as a process for benchmarks.

import { createLogger } from "@slipway/service";
import { readConfig, startStream } from "@slipway/stream";
import { reportReady } from "../server-process.ts";

const config = readConfig(process.env);
await startStream(config, createLogger({ name: "stream", level: "silent" }));
reportReady(config.server.port);
