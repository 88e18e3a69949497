// The processes' own log: JSON lines, or colored text in a terminal. (A deployment's log is another thing: @slipway/logs.)

import { pino, stdSerializers } from "pino";
import type { DestinationStream, Logger, LevelWithSilent } from "pino";
import pretty from "pino-pretty";

export type { Logger } from "pino";

export interface LoggerOptions {
  readonly name: string;
  readonly level?: LevelWithSilent;
  readonly format?: "json" | "pretty";
  /** Where JSON lines go; to stdout by default. */
  readonly destination?: DestinationStream;
}

/** Fields that may hold a secret, wherever they stand in what is logged. */
const redacted = ["token", "password", "secret", "authorization", "cookie", "source_url", "signingKey"];

export function createLogger({ name, level = "info", format = "json", destination }: LoggerOptions): Logger {
  const options = {
    name,
    level,
    base: { name },
    serializers: { err: shownError },
    redact: {
      paths: redacted.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]),
      censor: "[redacted]",
    },
  };
  if (format === "json") return destination === undefined ? pino(options) : pino(options, destination);
  return pino(
    options,
    pretty({ colorize: true, ignore: "pid,hostname", translateTime: "HH:MM:ss.l", sync: true }),
  );
}

/** As pino shows it, but for the arguments of Redis commands: one that fails may be the one that carries the password. */
function shownError(error: unknown): unknown {
  return error instanceof Error ? withoutArguments(stdSerializers.err(error)) : error;
}

/** @param shown an error as it was made to be shown, and so are those in it. */
function withoutArguments(shown: object): object {
  for (const [key, value] of Object.entries(shown)) {
    if (key === "command" && isObject(value))
      Object.assign(shown, { command: { ...value, args: undefined } });
    else if (Array.isArray(value) && key === "aggregateErrors")
      value.filter(isObject).forEach(withoutArguments);
    else if (isObject(value) && "raw" in value) withoutArguments(value);
  }
  return shown;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
