// A registry's response: read whole, or passed on as a stream.

import type { IncomingMessage } from "node:http";
import type { HeldBytes } from "@slipway/core";

const statusesWithoutBody: ReadonlySet<number> = new Set([204, 304]);

export class RegistryResponse {
  /** Origin of the server, which a redirect may have led to. */
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

  /** All bytes of the body, also if they are requested again. @throws when the connection ends before them. */
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

  /** The body, once; null for a response that has none by its method or status. */
  body(): HeldBytes | null {
    if (this.#method === "HEAD" || statusesWithoutBody.has(this.status)) {
      this.discard();
      return null;
    }
    return {
      [Symbol.asyncIterator]: () => this.#read(),
      [Symbol.asyncDispose]: async () => void this.#message.destroy(),
    };
  }

  /** Reads a body that is not wanted, so that the connection can be used again. */
  discard(): void {
    this.#message.on("error", () => {}).resume();
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    try {
      yield* this.#message as AsyncIterable<Uint8Array>;
    } catch (error) {
      this.#signal.throwIfAborted();
      throw error;
    }
  }
}
