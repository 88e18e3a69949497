// A bare ws server that sends each line it receives to all clients, without Redis, store or replay.

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";
import { reportReady } from "../server-process.ts";

const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false });
await once(server, "listening");
reportReady((server.address() as AddressInfo).port, (line) => {
  const frame = JSON.stringify({ type: "log", id: "bench", data: { content: line } });
  for (const client of server.clients) client.send(frame);
});
