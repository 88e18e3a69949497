// Runs a process: starts it, reports that it is ready, waits for a signal, and stops it within the grace time.

import { setTimeout as sleep } from "node:timers/promises";
import { toSlipwayError } from "@slipway/core";
import type { Logger } from "./logger.ts";

/** A started process. `stop` accepts no further work, finishes running work within `graceMs`, and requeues the rest. */
export interface Service {
  stop(options: { readonly graceMs: number }): Promise<void>;
}

export interface RunOptions {
  readonly logger: Logger;
  readonly graceMs: number;
  readonly start: () => Promise<Service>;
}

/** How much longer than its grace time a stop may take before the process exits. */
const stopMarginMs = 5_000;

/**
 * Runs a service until SIGTERM, SIGINT, the end of the parent process connected over IPC, or an unhandled error. A second
 * signal ends it at once. @returns the exit code, with which main.ts exits.
 */
export async function runService({ logger, graceMs, start }: RunOptions): Promise<number> {
  const termination = watchTermination();
  let service: Service;
  try {
    service = await start();
  } catch (thrown) {
    const error = toSlipwayError(thrown);
    logger.fatal(
      error.code === "internal" ? { err: thrown } : { code: error.code },
      `cannot start: ${error.message}`,
    );
    return 1;
  }
  process.send?.({ ready: true });
  logger.info("ready");
  const { because, error: unhandled } = await termination.first;
  if (unhandled) logger.fatal({ err: unhandled }, "unhandled error, stopping");
  else logger.info({ because, graceMs }, "stopping");
  const stopped = service.stop({ graceMs }).then(
    () => (unhandled ? 1 : 0),
    (error: unknown) => {
      logger.error({ err: error }, "stopping failed");
      return 1;
    },
  );
  const timedOut = sleep(graceMs + stopMarginMs, 1, { ref: false });
  const exitCode = await Promise.race([stopped, termination.second.then(() => 130), timedOut]);
  logger.info({ exitCode }, "stopped");
  return exitCode;
}

/** Runs `main`, and prints its error, usually of the configuration, to stderr. @returns the exit code; 78 after an error. */
export async function runMain(main: () => Promise<number>): Promise<number> {
  try {
    return await main();
  } catch (thrown) {
    process.stderr.write(`${toSlipwayError(thrown).message}\n`);
    return 78;
  }
}

interface Termination {
  readonly because: string;
  readonly error?: unknown;
}

/** @returns the first reason to stop, and the second signal. */
function watchTermination(): { first: Promise<Termination>; second: Promise<void> } {
  const first = Promise.withResolvers<Termination>();
  const second = Promise.withResolvers<void>();
  let signals = 0;
  const onSignal = (because: string) => {
    signals += 1;
    if (signals === 1) first.resolve({ because });
    else second.resolve();
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  // A supervisor that was killed sends no signal, and no other process would stop this one.
  process.once("disconnect", () => first.resolve({ because: "the supervising process is gone" }));
  process.once("uncaughtException", (error) => first.resolve({ because: "uncaughtException", error }));
  process.once("unhandledRejection", (error) =>
    first.resolve({ because: "unhandledRejection", error: error ?? "rejection" }),
  );
  return { first: first.promise, second: second.promise };
}
