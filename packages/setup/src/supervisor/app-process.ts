// Runs one app as a child process, in its own session.

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { withDeadline } from "@slipway/async";
import { processIdentity } from "../../bootstrap/lock.mjs";
import type { ProcessIdentity } from "../../bootstrap/lock.mjs";
import { machineEnvironment } from "../child-environment.ts";
import { repositoryRoot } from "../repository.ts";
import type { AppSpec } from "./app-specs.ts";
import { commandAs } from "./process-user.ts";

/** The specification from which a process is started. */
export type LaunchedSpec = Omit<AppSpec, "kind">;

export interface AppProcess {
  pid: number;
  identity: ProcessIdentity | undefined;
  /** Resolves when the app reports that it is ready; rejects when it ends before that or exceeds the time limit. */
  ready: Promise<void>;
  /** Resolves with the exit code, signal or error, for display. */
  ended: Promise<string>;
  /** Whether the app has announced that it will end when its work has ended, after a signal to drain. */
  isDraining: () => boolean;
  signal: (name: "SIGTERM" | "SIGKILL") => void;
}

/** An app that ends is reported at once, so only one that hangs takes this long. Much slower than the start on a busy machine. */
const readyTimeoutMs = 180_000;

/**
 * Starts an app with its output on `output` (a file descriptor, or this process's streams). Its environment consists of the
 * machine's variables and those of its specification. It runs in its own session: Ctrl-C in the terminal reaches only the supervisor,
 * which then drains the apps.
 */
export async function launchApp(spec: LaunchedSpec, output: number | "inherit"): Promise<AppProcess> {
  const node = [process.execPath, ...(spec.nodeOptions ?? []), join(repositoryRoot, spec.script)] as const;
  const [program, ...args] = spec.runAs ? commandAs(spec.runAs.user, spec.runAs.setpriv, node) : node;
  const child = spawn(program, args, {
    cwd: repositoryRoot,
    detached: true,
    stdio: ["ignore", output, output, "ipc"],
    env: { ...machineEnvironment(spec), ...(spec.runAs?.user ? { HOME: "/" } : {}), ...spec.environment },
  });
  const ended = endOf(child);
  let isDraining = false;
  child.on("message", (message) => {
    if (says(message, "draining")) isDraining = true;
  });
  const ready = readiness(spec.name, child, ended);
  // A supervisor that stops early does not await `ready`; without this handler its rejection would be unhandled.
  ready.catch(() => undefined);
  const pid = child.pid ?? 0;
  return {
    pid,
    identity: pid === 0 ? undefined : await processIdentity(pid),
    ready,
    ended,
    isDraining: () => isDraining,
    signal: (name) => signalApp(child, name),
  };
}

/** Signals the app. SIGKILL goes to its whole process group, so that no child process outlives it. */
function signalApp(child: ChildProcess, name: "SIGTERM" | "SIGKILL"): void {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  try {
    process.kill(name === "SIGKILL" ? -child.pid : child.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once("exit", (code, signal) => resolve(signal === null ? `code ${code}` : signal));
    child.once("error", (error) => resolve(error.message));
  });
}

async function readiness(name: string, child: ChildProcess, ended: Promise<string>): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  child.on("message", (message) => {
    if (says(message, "ready")) resolve();
  });
  ended.then((how) => reject(new Error(`${name} ended (${how}) before it was ready`)), reject);
  const late = () => new Error(`${name} was not ready within ${readyTimeoutMs / 1000} s`);
  await withDeadline(promise, { limitMs: readyTimeoutMs, error: late });
}

function says(message: unknown, what: "ready" | "draining"): boolean {
  if (typeof message !== "object" || message === null) return false;
  return Object.entries(message).some(([name, value]) => name === what && value === true);
}
