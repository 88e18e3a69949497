// The socket of a socket.io client, with the data that its authentication adds.

import type { User } from "@slipway/core";
import type { ClientEvents, ServerEvents } from "@slipway/protocol";
import type { Socket } from "socket.io";

export type ClientSocket = Socket<ClientEvents, ServerEvents, Record<string, never>, Credentials>;

/** An authenticated user, and the token of the handshake. */
export interface Credentials {
  user: User;
  token: string;
}
