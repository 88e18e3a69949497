// A MongoDB server as a process, from the mongod on PATH, with its data in a private directory.

import { execFile, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort } from "../free-port.ts";
import type { Machine } from "./machine.ts";

export async function hasMongod(): Promise<boolean> {
  try {
    await promisify(execFile)("mongod", ["--version"]);
    return true;
  } catch {
    return false;
  }
}

/** A server that is not started yet. Disposing it ends it and removes its data. */
export async function processMachine(): Promise<Machine> {
  const directory = await mkdtemp(join(tmpdir(), "slipway-mongod-"));
  const port = await freePort();
  let server: ChildProcess | undefined;
  const killOnExit = () => server?.kill("SIGKILL");
  process.once("exit", killOnExit);
  const kill = async () => {
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, "exit");
    server.kill("SIGKILL");
    await ended;
  };
  return {
    port,
    start: async () => {
      server = spawn("mongod", ["--dbpath", directory, "--port", String(port), "--bind_ip", "127.0.0.1"], {
        stdio: "ignore",
      });
      await once(server, "spawn");
    },
    kill,
    [Symbol.asyncDispose]: async () => {
      await kill();
      process.off("exit", killOnExit);
      await rm(directory, { recursive: true, force: true });
    },
  };
}
