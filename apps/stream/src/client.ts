// A client of the stream, over any transport.

import type { User } from "@slipway/core";
import type { Close } from "./close-codes.ts";

export interface Client {
  /** The authenticated user; undefined before. */
  readonly user: User | undefined;
  /** The key of the client's address. */
  readonly address: string;
  /** Whether the client waits for more of a deployment. */
  readonly unfinished: boolean;
  close(close: Close): void;
  /** Ends the connection without a close frame. */
  terminate(): void;
  /** Sends a ping, and drops a client that has not answered the last ones. */
  ping(): void;
  /** Ends what the user may no longer follow. Rejects when the store cannot be read. */
  recheck(): Promise<void>;
}
