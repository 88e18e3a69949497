// An HTTP request and its response, as streams, for ports that pass them on.

import type { ByteStream, HeldBytes } from "./bytes.ts";

export interface HttpRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** By name in lowercase. */
  readonly headers: Readonly<Record<string, string>>;
  /** Null without a body. Read once. */
  readonly body: ByteStream | null;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** To be read or disposed of. Null without a body. */
  readonly body: HeldBytes | null;
}
