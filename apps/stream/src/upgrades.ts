// The WebSocket server under both kinds of followers: a peer that does not answer a close is dropped soon.

import { WebSocketServer } from "ws";
import type { ServerOptions } from "ws";
import { closingMs } from "./platform.ts";

export class Upgrades extends WebSocketServer {
  constructor(options: ServerOptions) {
    // the types do not know closeTimeout yet; without it ws waits for half a minute
    const bounded = { ...options, closeTimeout: closingMs };
    super(bounded);
  }
}
