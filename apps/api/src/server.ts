// The HTTP server: its time limits, and how it stops.

import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import { SlipwayError } from "@slipway/core";
import type { Service } from "@slipway/service";

const limits = {
  headersMs: 15_000,
  /** A connection on which nothing moves is cut. */
  idleMs: 60_000,
  keepAliveMs: 10_000,
  sweepMs: 50,
  headerBytes: 16 * 1024,
  headerCount: 100,
} as const;

/** @throws {SlipwayError} "configuration-invalid" when the address is taken or not ours. */
export async function listen(
  listener: RequestListener,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<Service> {
  const server = createServer(
    {
      headersTimeout: limits.headersMs,
      keepAliveTimeout: limits.keepAliveMs,
      maxHeaderSize: limits.headerBytes,
      // A big archive over a slow line takes what it takes: bodies have bounds of their own, by kind.
      requestTimeout: 0,
    },
    listener,
  );
  server.timeout = limits.idleMs;
  server.maxHeadersCount = limits.headerCount;
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
  }
  return {
    async stop({ graceMs }) {
      const closed = Promise.withResolvers<void>();
      const cut = setTimeout(() => server.closeAllConnections(), graceMs);
      // A connection that becomes idle after the close would be kept for its next request.
      const sweeping = setInterval(() => server.closeIdleConnections(), limits.sweepMs);
      server.close(() => closed.resolve());
      await closed.promise;
      clearTimeout(cut);
      clearInterval(sweeping);
    },
  };
}
