// Runs a process: starts it, reports that it is ready, waits for a signal, and stops it within the grace time.

import { setTimeout as sleep } from "node:timers/promises";
import { contain } from "@slipway/async";
import { toSlipwayError } from "@slipway/core";
import type { Logger } from "./logger.ts";

/** A started process. */
export interface Service {
  /** Accepts no more work, and resolves when the running work has ended, however long it takes. SIGUSR2 calls it. */
  drain?(): Promise<void>;
  /** Accepts no more work, finishes running work within `graceMs`, and requeues the rest. */
  stop(options: { readonly graceMs: number }): Promise<void>;
}

export interface RunOptions {
  readonly logger: Logger;
  readonly graceMs: number;
  readonly start: () => Promise<Service>;
}

/** Additional time for a stop after its grace time, before the process exits. */
const stopMarginMs = 5_000;

/**
 * Runs a service until SIGTERM, SIGINT, the end of the parent process connected over IPC, or an unhandled error. A second
 * signal ends it at once. SIGUSR2 drains a service that supports it, and then ends it; the parent process is notified
 * and does not restart it. @returns the exit code for main.ts.
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
  if (service.drain !== undefined) drainOnSignal(logger, service.drain.bind(service), termination.end);
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

/** Runs `main`, and prints its error, usually about the configuration, to stderr. @returns the exit code; 78 after an error. */
export async function runMain(main: () => Promise<number>): Promise<number> {
  try {
    return await main();
  } catch (thrown) {
    process.stderr.write(`${toSlipwayError(thrown).message}\n`);
    return 78;
  }
}

/** @param end called when no work is running any more. */
function drainOnSignal(logger: Logger, drain: () => Promise<void>, end: (because: string) => void): void {
  const onError = (error: unknown) => logger.error({ err: error }, "draining failed");
  const onSignal = async () => {
    logger.info("SIGUSR2: taking no more work, and ending when the running work has ended");
    process.send?.({ draining: true });
    await drain();
    end("drained");
  };
  process.once("SIGUSR2", contain(onSignal, onError));
}

interface Termination {
  readonly because: string;
  readonly error?: unknown;
}

/** @returns the first reason to stop, the second signal, and a function that sets another reason. */
function watchTermination(): {
  first: Promise<Termination>;
  second: Promise<void>;
  end: (because: string) => void;
} {
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
  // A killed supervisor sends no signal, and no other process would stop this one.
  process.once("disconnect", () => first.resolve({ because: "the supervising process is gone" }));
  process.once("uncaughtException", (error) => first.resolve({ because: "uncaughtException", error }));
  process.once("unhandledRejection", (error) =>
    first.resolve({ because: "unhandledRejection", error: error ?? "rejection" }),
  );
  return { first: first.promise, second: second.promise, end: (because) => first.resolve({ because }) };
}
