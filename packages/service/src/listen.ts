// Starts a process's HTTP server.

import type { Server } from "node:http";
import { SlipwayError } from "@slipway/core";

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export interface UnixSocket {
  readonly path: string;
}

/** A Unix socket refuses connections when its backlog is full, while TCP would repeat them. The kernel's limit is lower. */
const longestBacklog = 65_535;

/** @throws {SlipwayError} "configuration-invalid" when the address is in use or not an address of this machine. */
export async function startListening(server: Server, address: ListenAddress | UnixSocket): Promise<void> {
  const listening = Promise.withResolvers<void>();
  server.once("error", listening.reject);
  if ("path" in address) server.listen({ path: address.path, backlog: longestBacklog }, listening.resolve);
  else server.listen(address.port, address.host, listening.resolve);
  try {
    await listening.promise;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const name = "path" in address ? address.path : `${address.host}:${address.port}`;
    throw new SlipwayError("configuration-invalid", `cannot listen on ${name} (${reason})`, { cause: error });
  } finally {
    server.off("error", listening.reject);
  }
}
