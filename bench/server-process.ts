// Servers for benchmarks as separate processes, which report their memory in use.

import { fork } from "node:child_process";
import { once } from "node:events";

export interface ServerProcess extends AsyncDisposable {
  readonly port: number;
  /** Sends the process a message. */
  send(message: string): void;
  /** @returns the resident memory without the free part of the heap, in bytes, after a garbage collection. */
  usedBytes(): Promise<number>;
}

/** @param program a file below bench/ that calls `reportReady`. */
export async function startServer(
  program: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<ServerProcess> {
  const child = fork(new URL(program, import.meta.url), {
    env: { PATH: process.env["PATH"], ...environment },
    execArgv: ["--expose-gc"],
  });
  const exited = once(child, "exit");
  const answer = async () => {
    const ended = exited.then(() => Promise.reject(new Error(`${program} ended`)));
    const [value] = (await Promise.race([once(child, "message"), ended])) as [number];
    return value;
  };
  const port = await answer();
  return {
    port,
    send: (message) => void child.send(message),
    usedBytes: () => {
      child.send("memory");
      return answer();
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

/** Called in the server's process: reports its port, answers requests for its memory use, and passes other messages on. */
export function reportReady(port: number, onMessage: (message: string) => void = () => undefined): void {
  process.on("message", (message: string) => {
    if (message === "memory") process.send?.(usedBytes());
    else onMessage(message);
  });
  process.on("disconnect", () => process.exit());
  process.send?.(port);
}

function usedBytes(): number {
  globalThis.gc?.();
  const { rss, heapTotal, heapUsed } = process.memoryUsage();
  return rss - heapTotal + heapUsed;
}
