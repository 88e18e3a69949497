// The log of a process: JSON lines, or colored text for a terminal. Deployment logs are in @slipway/logs.

import { createRequire } from "node:module";
import { pino, stdSerializers } from "pino";
import type { DestinationStream, Logger, LevelWithSilent } from "pino";
import type pinoPretty from "pino-pretty";

export type { Logger } from "pino";

export interface LoggerOptions {
  readonly name: string;
  readonly level?: LevelWithSilent;
  readonly format?: "json" | "pretty";
  /** The destination of JSON lines; stdout by default. */
  readonly destination?: DestinationStream;
}

/** Fields that may contain secrets. They are redacted at the top level and in objects up to two levels deep. */
const redacted = ["token", "password", "secret", "authorization", "cookie", "source_url", "signingKey"];

/** Creates the logger of a process. Secrets in known fields are redacted. */
export function createLogger({ name, level = "info", format = "json", destination }: LoggerOptions): Logger {
  const options = {
    name,
    level,
    base: { name },
    serializers: { err: serializeError },
    redact: {
      paths: redacted.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]),
      censor: "[redacted]",
    },
  };
  if (format === "json") return destination === undefined ? pino(options) : pino(options, destination);
  // Loaded only here, because JSON lines do not need it and it takes memory.
  const pretty = createRequire(import.meta.url)("pino-pretty") as typeof pinoPretty;
  return pino(
    options,
    pretty({ colorize: true, ignore: "pid,hostname", translateTime: "HH:MM:ss.l", sync: true }),
  );
}

/** Serializes an error like pino, without the arguments of Redis commands, because those of AUTH and HELLO contain the password. */
function serializeError(error: unknown): unknown {
  return error instanceof Error ? removeArguments(stdSerializers.err(error)) : error;
}

/** @param serialized an error serialized by pino. Its nested errors are serialized too. */
function removeArguments(serialized: object): object {
  for (const [key, value] of Object.entries(serialized)) {
    if (key === "command" && isObject(value))
      Object.assign(serialized, { command: { ...value, args: undefined } });
    else if (Array.isArray(value) && key === "aggregateErrors")
      value.filter(isObject).forEach(removeArguments);
    else if (isObject(value) && "raw" in value) removeArguments(value);
  }
  return serialized;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
