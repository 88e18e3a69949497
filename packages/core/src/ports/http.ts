// An HTTP request and its response, as streams, for ports that pass them on.

import type { ByteStream, DisposableBytes } from "./bytes.ts";

export interface HttpRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** Values by lowercase name. */
  readonly headers: Readonly<Record<string, string>>;
  /** Can be read once. Null without a body. */
  readonly body: ByteStream | null;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The receiver reads or disposes of it. Null without a body. */
  readonly body: DisposableBytes | null;
}
