// Starts a process's HTTP server.

import type { Server } from "node:http";
import { SlipwayError } from "@slipway/core";

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** @throws {SlipwayError} "configuration-invalid" when the address is in use or not an address of this machine. */
export async function startListening(server: Server, { host, port }: ListenAddress): Promise<void> {
  const listening = Promise.withResolvers<void>();
  server.once("error", listening.reject);
  server.listen(port, host, listening.resolve);
  try {
    await listening.promise;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SlipwayError("configuration-invalid", `cannot listen on ${host}:${port} (${reason})`, {
      cause: error,
    });
  } finally {
    server.off("error", listening.reject);
  }
}
