// The life of a process: start, say that it is ready, wait for a signal, stop within the grace time.

import { setTimeout as sleep } from "node:timers/promises";
import { toSlipwayError } from "@slipway/core";
import type { Logger } from "./logger.ts";

/** A started process. `stop` takes no more work, finishes what runs within `graceMs`, and hands back the rest. */
export interface Service {
  stop(options: { readonly graceMs: number }): Promise<void>;
}

export interface RunOptions {
  readonly logger: Logger;
  readonly graceMs: number;
  readonly start: () => Promise<Service>;
}

/** How much longer than its grace time a stop may take before the process ends anyhow. */
const stopMarginMs = 5_000;

/**
 * Runs a service until SIGTERM, SIGINT, the loss of the parent that started it over IPC, or an error nobody handled. A second
 * signal ends it at once. @returns the exit code; only main.ts exits.
 */
export async function runService({ logger, graceMs, start }: RunOptions): Promise<number> {
  const ending = endOfLife();
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
  const end = await ending.first;
  if (end.error) logger.fatal({ err: end.error }, "unhandled error, stopping");
  else logger.info({ because: end.because, graceMs }, "stopping");
  const stopped = service.stop({ graceMs }).then(
    () => (end.error ? 1 : 0),
    (error: unknown) => {
      logger.error({ err: error }, "stopping failed");
      return 1;
    },
  );
  const late = sleep(graceMs + stopMarginMs, 1, { ref: false });
  const exitCode = await Promise.race([stopped, ending.second.then(() => 130), late]);
  logger.info({ exitCode }, "stopped");
  return exitCode;
}

/** Reads configuration and runs a service; configuration problems go to stderr as plain text, with exit code 78. */
export async function runMain(main: () => Promise<number>): Promise<number> {
  try {
    return await main();
  } catch (thrown) {
    process.stderr.write(`${toSlipwayError(thrown).message}\n`);
    return 78;
  }
}

interface End {
  readonly because: string;
  readonly error?: unknown;
}

function endOfLife(): { first: Promise<End>; second: Promise<void> } {
  const first = Promise.withResolvers<End>();
  const second = Promise.withResolvers<void>();
  let signals = 0;
  const onSignal = (because: string) => {
    signals += 1;
    if (signals === 1) first.resolve({ because });
    else second.resolve();
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  // A supervisor that was killed cannot signal us; without it nobody would ever end this process.
  process.once("disconnect", () => first.resolve({ because: "the supervising process is gone" }));
  process.once("uncaughtException", (error) => first.resolve({ because: "uncaughtException", error }));
  process.once("unhandledRejection", (error) =>
    first.resolve({ because: "unhandledRejection", error: error ?? "rejection" }),
  );
  return { first: first.promise, second: second.promise };
}
