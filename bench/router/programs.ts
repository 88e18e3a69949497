// Programs that listen on a port of this machine, each as a separate process, and their CPU time and memory.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { retry } from "@slipway/async";

/** A running program that serves HTTP. */
export interface Program extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
}

export interface ProgramOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly port: number;
  readonly environment?: Readonly<Record<string, string>>;
}

const startMs = 30_000;
const execute = promisify(execFile);

/**
 * Starts the program, and waits until it answers a request.
 * @throws Error if the program is not installed, or does not answer within 30 s.
 */
export async function startProgram({ command, args, port, environment }: ProgramOptions): Promise<Program> {
  const child = spawn(command, args, {
    env: { PATH: `${process.env.PATH}:/usr/sbin`, ...environment },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const failed = Promise.withResolvers<never>();
  child.once("error", () =>
    failed.reject(new Error(`${command} cannot be started: install the package ${command}.`)),
  );
  const ended = once(child, "exit");
  ended.then(() => failed.reject(new Error(`${command} ended before it answered.`)), failed.reject);
  const answers = () => fetch(`http://127.0.0.1:${port}/health`, { signal: AbortSignal.timeout(startMs) });
  const ready = retry(answers, { limitMs: startMs, isRetryable: () => true, pauseMs: () => 50 });
  await (await Promise.race([ready, failed.promise])).arrayBuffer();
  failed.promise.catch(() => undefined);
  return {
    pid: child.pid ?? 0,
    port,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** @returns the CPU time of the process and its children in user and kernel mode, in milliseconds. */
export async function cpuMs({ pid }: Program): Promise<number> {
  const times = await Promise.all((await withChildren(pid)).map(cpuMsOf));
  return times.reduce((sum, time) => sum + time, 0);
}

/** @returns the resident memory of the process and its children, in bytes. */
export async function memoryBytes({ pid }: Program): Promise<number> {
  const sizes = await Promise.all((await withChildren(pid)).map(memoryBytesOf));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function withChildren(pid: number): Promise<number[]> {
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, "utf8")).split(" ");
  return [pid, ...children.filter((child) => child !== "").map(Number)];
}

async function cpuMsOf(pid: number): Promise<number> {
  const [ticksPerSecond, stat] = await Promise.all([
    execute("getconf", ["CLK_TCK"]),
    readFile(`/proc/${pid}/stat`, "utf8"),
  ]);
  // The second field is the program's name in parentheses, and may contain spaces. The 14th and 15th are the times.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return ((Number(fields[11]) + Number(fields[12])) / Number(ticksPerSecond.stdout)) * 1_000;
}

async function memoryBytesOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}
