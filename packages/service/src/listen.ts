// Starts and stops a process's HTTP server.

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

/** Accepts no further connections and closes existing ones when they are idle. Resolves when all are closed. */
export async function stopListening(server: Server, sweepMs: number): Promise<void> {
  const closed = Promise.withResolvers<void>();
  // `close` alone closes only the connections that are idle when it is called.
  const timer = setInterval(() => server.closeIdleConnections(), sweepMs);
  server.close(() => closed.resolve());
  await closed.promise;
  clearInterval(timer);
}
