// Reserves TCP ports on the loopback interface for servers that start later.

import { once } from "node:events";
import { createServer } from "node:net";
import type { ListenOptions, Server } from "node:net";

/** Below Linux' ephemeral ports (`ip_local_port_range`): no connection and no `listen(0)` of another process takes one of these. */
const lowest = 20_000;
const highest = 32_767;

/**
 * A port on which nothing listens. The port is reserved until this process ends: no other test process gets it meanwhile, even if
 * its server starts much later.
 * @throws Error if no port is free.
 */
export async function freePort(): Promise<number> {
  const count = highest - lowest + 1;
  const start = Math.floor(Math.random() * count);
  for (let offset = 0; offset < count; offset += 1) {
    const port = lowest + ((start + offset) % count);
    if ((await reserve(port)) && (await isFree(port))) return port;
  }
  throw new Error(`no port from ${lowest} to ${highest} is free`);
}

/** Binds a name in the abstract socket namespace, which the kernel releases when the process ends. @returns whether it was free. */
async function reserve(port: number): Promise<boolean> {
  const holder = createServer();
  const reserved = await listens(holder, { path: `\0slipway-test-port-${port}` });
  holder.unref();
  return reserved;
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  const free = await listens(probe, { port, host: "127.0.0.1" });
  if (free) await probe[Symbol.asyncDispose]();
  return free;
}

/** @returns whether the address was free. @throws any other error of `listen`. */
async function listens(server: Server, options: ListenOptions): Promise<boolean> {
  try {
    server.listen(options);
    await once(server, "listening");
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") return false;
    throw error;
  }
}
