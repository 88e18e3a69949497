// A registry's response, which can be read completely or as a stream.

import type { IncomingMessage } from "node:http";
import { SlipwayError } from "@slipway/core";
import type { DisposableBytes } from "@slipway/core";

/** Maximum wait for the registry's next bytes, and for progress of an upload. Long, because an upload's source may be slow. */
export const stallLimitMs = 300_000;
/** Discarding more than this costs more than a new connection. */
const maxDiscardedBytes = 64 * 1024;

const statusesWithoutBody: ReadonlySet<number> = new Set([204, 304]);

export class RegistryResponse {
  /** Origin of the server that responded, possibly after a redirect. */
  readonly origin: string;
  readonly #message: IncomingMessage;
  readonly #method: string;
  readonly #signal: AbortSignal;
  #bytes: Promise<Buffer> | undefined;

  constructor(
    message: IncomingMessage,
    { url, method, signal }: { readonly url: URL; readonly method: string; readonly signal: AbortSignal },
  ) {
    this.origin = url.origin;
    this.#message = message;
    this.#method = method;
    this.#signal = signal;
  }

  get status(): number {
    return this.#message.statusCode ?? 0;
  }

  /** @param name in lower case. */
  header(name: string): string | null {
    const value = this.#message.headers[name];
    return (Array.isArray(value) ? value.join(", ") : value) ?? null;
  }

  /** All bytes of the body; may be called repeatedly. @throws when the connection ends before the body does. */
  async bytes(): Promise<Buffer> {
    this.#bytes ??= Array.fromAsync(this.#read()).then((chunks) => Buffer.concat(chunks));
    return await this.#bytes;
  }

  async text(): Promise<string> {
    return (await this.bytes()).toString("utf8");
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text()) as unknown;
  }

  /**
   * The body, once; null for a response that has none by its method or status. Reading it throws "registry-unavailable" when the
   * registry sends nothing for `stallLimitMs`.
   */
  body(): DisposableBytes | null {
    if (this.#hasNoBody()) {
      this.discard();
      return null;
    }
    return {
      [Symbol.asyncIterator]: () => this.#read(),
      [Symbol.asyncDispose]: async () => void this.#message.destroy(),
    };
  }

  /** Reads an unneeded small body, so that the connection can be reused. Closes the connection if the body is larger. */
  discard(): void {
    const statedBytes = Number(this.header("content-length") ?? Number.NaN);
    if (this.#hasNoBody() || statedBytes <= maxDiscardedBytes) this.bytes().catch(() => undefined);
    else this.#message.on("error", () => {}).destroy();
  }

  #hasNoBody(): boolean {
    return this.#method === "HEAD" || statusesWithoutBody.has(this.status);
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    // Only waiting for the registry counts, not the reader's own time.
    let isWaiting = true;
    const timer = setTimeout(() => {
      if (isWaiting) this.#message.destroy(this.#stalled());
    }, stallLimitMs);
    try {
      for await (const chunk of this.#message as AsyncIterable<Uint8Array>) {
        isWaiting = false;
        yield chunk;
        isWaiting = true;
        timer.refresh();
      }
    } catch (error) {
      this.#signal.throwIfAborted();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #stalled(): SlipwayError {
    const waited = `sent nothing for ${stallLimitMs / 1000} s in the middle of a response`;
    return new SlipwayError("registry-unavailable", `the registry ${new URL(this.origin).host} ${waited}`);
  }
}
