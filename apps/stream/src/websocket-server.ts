// The WebSocket server of both transports. It drops clients that do not answer a close.

import { WebSocketServer } from "ws";
import type { ServerOptions } from "ws";
import { closingMs } from "./limits.ts";

export class StreamWebSocketServer extends WebSocketServer {
  constructor(options: ServerOptions) {
    // @types/ws lacks closeTimeout, whose default is 30 seconds.
    const withCloseTimeout = { ...options, closeTimeout: closingMs };
    super(withCloseTimeout);
  }
}
