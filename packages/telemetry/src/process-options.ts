// The common options of a process's metrics and traces.

import { throttledErrorLog } from "@slipway/service";
import type { Logger } from "@slipway/service";
import type { ProcessName } from "./definition.ts";

export interface ProcessOptions {
  readonly process: ProcessName;
  /** Name of the process in its log, for example `worker-1`. */
  readonly instance: string;
  /** Receives failures to collect or to send. The lost data is missing from the metrics or traces. */
  readonly onError: (error: unknown) => void;
}

/** @param failure the log message of errors. */
export function processOptions(
  config: { readonly log: { readonly name: string } },
  process: ProcessName,
  logger: Logger,
  failure: string,
): ProcessOptions {
  return { process, instance: config.log.name, onError: throttledErrorLog(logger, failure) };
}
