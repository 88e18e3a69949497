// One app as a child process: started in a session of its own, ready when it says so, ended by signal.
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { withDeadline } from "@slipway/async";
import { machineEnvironment, repositoryRoot } from "../config.ts";
import type { ProcessIdentity } from "../lock.mjs";
import { processIdentity } from "../lock.mjs";
import type { AppSpec } from "./app-specs.ts";

export interface AppProcess {
  pid: number;
  identity: ProcessIdentity | undefined;
  /** Resolves when the app serves; rejects when it ends before, or takes too long. */
  ready: Promise<void>;
  /** Resolves with how it ended, for people. */
  ended: Promise<string>;
  signal: (name: "SIGTERM" | "SIGKILL") => void;
}

const readyTimeoutMs = 60_000;

/**
 * Starts an app with its output on `output` (a file descriptor, or this process's own streams). It gets the variables of its
 * spec alone, beside those of the machine. Its session is its own: Ctrl-C in the terminal reaches only the supervisor, which
 * then drains the apps in order.
 */
export async function launchApp(spec: AppSpec, output: number | "inherit"): Promise<AppProcess> {
  const child = spawn(process.execPath, [join(repositoryRoot, spec.script)], {
    cwd: repositoryRoot,
    detached: true,
    stdio: ["ignore", output, output, "ipc"],
    env: { ...machineEnvironment(), ...spec.environment },
  });
  const ended = endOf(child);
  const ready = readiness(spec.name, child, ended);
  // whoever stops before the app is ready does not look at this; whoever looks still sees the rejection
  ready.catch(() => undefined);
  const pid = child.pid ?? 0;
  return {
    pid,
    identity: pid === 0 ? undefined : await processIdentity(pid),
    ready,
    ended,
    signal: (name) => signalApp(child, name),
  };
}

/** SIGKILL goes to the whole session: what the app had started must not outlive it. */
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
    if (isReady(message)) resolve();
  });
  void ended.then((how) => reject(new Error(`${name} ended (${how}) before it was ready`)));
  const late = () => new Error(`${name} is not ready after ${readyTimeoutMs / 1000} s`);
  await withDeadline(promise, { limitMs: readyTimeoutMs, error: late });
}

function isReady(message: unknown): boolean {
  return typeof message === "object" && message !== null && "ready" in message && message.ready === true;
}
