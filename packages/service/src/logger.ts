// The processes' own log: JSON lines, or coloured text in a terminal. (A deployment's log is another thing: @slipway/logs.)

import { pino } from "pino";
import type { Logger, LevelWithSilent } from "pino";
import pretty from "pino-pretty";

export type { Logger } from "pino";

export interface LoggerOptions {
  readonly name: string;
  readonly level?: LevelWithSilent;
  readonly format?: "json" | "pretty";
}

/** Fields that may hold a secret, wherever they stand in what is logged. */
const redacted = ["token", "password", "secret", "authorization", "cookie", "source_url", "signingKey"];

export function createLogger({ name, level = "info", format = "json" }: LoggerOptions): Logger {
  const options = {
    name,
    level,
    base: { name },
    redact: {
      paths: redacted.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]),
      censor: "[redacted]",
    },
  };
  if (format === "json") return pino(options);
  return pino(
    options,
    pretty({ colorize: true, ignore: "pid,hostname", translateTime: "HH:MM:ss.l", sync: true }),
  );
}
