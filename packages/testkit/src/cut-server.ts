// Stops the HTTP server of a test at once, as a crash would.

import { once } from "node:events";
import type { Server } from "node:http";

/** Refuses new connections and cuts off the open ones. Resolves when all are closed; at once for a server that does not listen. */
export async function cutServer(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections();
  await closed;
}
