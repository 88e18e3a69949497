// How a process's HTTP server begins to listen, and how it ends.

import type { Server } from "node:http";
import { SlipwayError } from "@slipway/core";

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** @throws {SlipwayError} "configuration-invalid" when the address is taken or not ours. */
export async function startListening(server: Server, { host, port }: ListenAddress): Promise<void> {
  const outcome = Promise.withResolvers<void>();
  server.once("error", outcome.reject);
  server.listen(port, host, outcome.resolve);
  try {
    await outcome.promise;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SlipwayError("configuration-invalid", `cannot listen on ${host}:${port} (${reason})`, {
      cause: error,
    });
  } finally {
    server.off("error", outcome.reject);
  }
}

/** Takes no connection more, and ends those that are there as they become idle. Resolves when none is left. */
export async function stopListening(server: Server, sweepMs: number): Promise<void> {
  const ended = Promise.withResolvers<void>();
  // A connection that becomes idle after the close would be kept for its next request.
  const sweeping = setInterval(() => server.closeIdleConnections(), sweepMs);
  server.close(() => ended.resolve());
  await ended.promise;
  clearInterval(sweeping);
}
