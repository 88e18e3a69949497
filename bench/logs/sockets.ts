// Cheap WebSocket clients for benchmarks: they read bytes and parse no frames.

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";

/** Connects and upgrades the connection. */
export async function openSocket({
  host,
  port,
  path,
}: {
  host: string;
  port: number;
  path: string;
}): Promise<Socket> {
  const socket = connect(port, host);
  await once(socket, "connect");
  const key = randomBytes(16).toString("base64");
  const upgraded = untilText(socket, "\r\n\r\n");
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
  );
  await upgraded;
  return socket;
}

/** Resolves when the text has arrived on the socket, possibly across two chunks. */
export function untilText(socket: Socket, text: string): Promise<void> {
  const found = Promise.withResolvers<void>();
  let rest = Buffer.alloc(0);
  const look = (chunk: Buffer) => {
    const seam = Buffer.concat([rest, chunk.subarray(0, text.length)]);
    if (!chunk.includes(text) && !seam.includes(text)) {
      rest = Buffer.from(chunk.subarray(-text.length));
      return;
    }
    socket.off("data", look);
    found.resolve();
  };
  socket.on("data", look);
  socket.once("close", () => found.reject(new Error("the server closed the connection")));
  return found.promise;
}

/** A masked text frame with a payload below 64 KiB, in the format of clients. */
export function clientFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  const header = Buffer.from([0x81, 0x80 | 126, payload.length >> 8, payload.length & 0xff, 0, 0, 0, 0]);
  return Buffer.concat([header, payload]);
}
