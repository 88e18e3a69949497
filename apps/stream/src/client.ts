// A client of the stream, on either transport.

import type { User } from "@slipway/core";
import type { Close } from "./close-codes.ts";

export interface Client {
  /** Undefined until the client has authenticated. */
  readonly user: User | undefined;
  /** Whether the client's credentials are being checked. */
  readonly authenticating: boolean;
  /** The address key that limits are counted by; see `addressKeys`. */
  readonly address: string;
  /** Whether the client follows a deployment that has not ended. */
  readonly unfinished: boolean;
  close(close: Close): void;
  /** Closes the connection without waiting for the client's answer. */
  drop(close: Close): void;
  /** Drops the connection without a close frame. */
  terminate(): void;
  /** Sends a ping, and drops a client that has not answered the last ones. */
  ping(): void;
  /** Ends the subscriptions that the user may no longer follow. Rejects when the authorization cannot be checked now. */
  recheck(): Promise<void>;
}
