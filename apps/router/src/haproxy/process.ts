// Runs HAProxy as a child process, which ends with the router.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { pause, retry } from "@slipway/async";
import { SlipwayError } from "@slipway/core";
import type { Logger } from "@slipway/service";

export interface HaproxyProcessOptions {
  /** Name or path of the program. */
  readonly program: string;
  /** The configuration's path. */
  readonly configuration: string;
  /** Rejects while HAProxy is not ready. */
  readonly ping: () => Promise<unknown>;
  /** @returns the number of requests that have not ended. */
  readonly countRequests: () => Promise<number>;
  /** Closes the port. Requests in flight continue. */
  readonly stopAccepting: () => Promise<void>;
  /** Called when HAProxy ends although nobody has stopped it. */
  readonly onEnd: (error: unknown) => void;
  readonly logger: Pick<Logger, "debug" | "warn">;
}

export interface HaproxyProcess {
  readonly pid: number;
  /** Stops accepting connections, and ends the process when its requests have ended, or after the grace time. */
  stop(graceMs: number): Promise<void>;
}

const startMs = 10_000;
const pingMs = 20;
const pollMs = 50;
/** Debian installs HAProxy in a folder that is only on root's search path. */
const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * Starts HAProxy, and waits until it accepts commands.
 * @throws {SlipwayError} "configuration-invalid" if it cannot be started, e.g. because it cannot listen on its port.
 */
export async function startProcess(options: HaproxyProcessOptions): Promise<HaproxyProcess> {
  const { program, configuration, ping, logger } = options;
  // HAProxy must not outlive the router, also if the router is killed: nothing would update its routes.
  const command = ["setpriv", "--pdeathsig", "KILL", "--", program, "-db", "-f", configuration] as const;
  const [executable, ...args] = command;
  const child = spawn(executable, args, {
    env: { PATH: searchPath },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let isStopping = false;
  const problems = problemsOf(child.stderr, (line, isProblem) => {
    if (isProblem && !isStopping) logger.warn({ line }, "HAProxy reported a problem");
    else logger.debug({ line }, "HAProxy reported");
  });
  // The event follows when the output has been read.
  const ended = once(child, "close").then(
    ([code, signal]) => `${String(signal ?? `exit code ${String(code)}`)}. ${problems.join(" ")}`.trim(),
    (error: unknown) => String(error),
  );
  let hasEnded = false;
  const early = ended.then((reason) => {
    hasEnded = true;
    throw new SlipwayError("configuration-invalid", `HAProxy does not start: ${reason}`);
  });
  early.catch(() => undefined);
  try {
    const ready = retry(ping, {
      limitMs: startMs,
      isRetryable: () => !hasEnded,
      pauseMs: () => pingMs,
    });
    await Promise.race([ready, early]);
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
  const reportEnd = async () => {
    const reason = await ended;
    if (!isStopping) options.onEnd(new Error(`HAProxy has ended: ${reason}`));
  };
  reportEnd().catch(options.onEnd);
  return {
    pid: child.pid ?? 0,
    async stop(graceMs) {
      isStopping = true;
      // Not SIGUSR1: HAProxy would close the socket for commands, by which cutovers count requests in flight.
      try {
        await options.stopAccepting();
        const endAt = performance.now() + graceMs;
        while (performance.now() < endAt && (await options.countRequests()) > 0) await pause(pollMs);
      } finally {
        child.kill("SIGKILL");
        await ended;
      }
    },
  };
}

/** How many of HAProxy's last problems the error about its end contains. */
const maxProblems = 5;

/** @returns the last problems that HAProxy has reported, also those that it reports later. */
function problemsOf(output: Readable, onLine: (line: string, isProblem: boolean) => void): readonly string[] {
  const problems: string[] = [];
  createInterface({ input: output }).on("line", (line) => {
    const isProblem = /^\[(ALERT|WARNING)\]|setpriv/.test(line);
    if (isProblem) problems.push(line);
    if (problems.length > maxProblems) problems.shift();
    onLine(line, isProblem);
  });
  return problems;
}
