// HTTP client for package registries: credentials, time limits, retries, and downloads that continue after a lost connection.

import type { IncomingMessage } from "node:http";
import { pipeline } from "node:stream";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { backoffMs, pause, retry, withDeadline } from "@slipway/async";
import { SlipwayError } from "@slipway/core";
import type { ByteStream } from "@slipway/core";
import { requestFile } from "./download.ts";
import { reasonOf, unavailable } from "./failures.ts";

/** Time limit from the request to the end of a short response, and to the headers of a download. */
const responseLimitMs = 30_000;
/** Maximum wait for the next bytes of a download. */
const stallLimitMs = 60_000;
const maxAttempts = 3;

export interface Answer<Content> {
  /** Empty when the registry sends none. */
  readonly etag: string;
  /** Null when the status is 304. */
  readonly content: Content | null;
}

interface Reading<Content> {
  readonly headers: Readonly<Record<string, string>>;
  readonly statuses: readonly number[];
  /** Maximum size of the response, decompressed. */
  readonly maxBytes: number;
  readonly content: (body: ByteStream) => Promise<Content>;
}

export class PackageSourceClient {
  readonly #base: URL;
  readonly #title: string;
  readonly #authorization: string | undefined;

  /** @param url the registry's URL; may contain a user name and password. @param title the registry's name, for errors. */
  constructor(url: string, title: string) {
    this.#title = title;
    const { username, password } = new URL(url);
    const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    this.#authorization =
      username === "" ? undefined : `Basic ${Buffer.from(credentials).toString("base64")}`;
    this.#base = new URL(url.endsWith("/") ? url : `${url}/`);
    this.#base.username = "";
    this.#base.password = "";
  }

  /** The registry's URL without credentials. */
  get url(): string {
    return this.#base.href;
  }

  /**
   * @param path below the registry's URL. @param maxBytes maximum size of the response, decompressed.
   * @throws {SlipwayError} "toolchain-unavailable" when the status is not 200; the signal's reason when aborted.
   */
  async get(
    path: string,
    headers: Readonly<Record<string, string>>,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<string> {
    const content = async (body: ByteStream) => Buffer.concat(await Array.fromAsync(body)).toString("utf8");
    return (await this.#read(path, { headers, statuses: [200], maxBytes, content }, signal)).content ?? "";
  }

  /**
   * Like `get`, for large responses, and for those that may be unchanged: the status 304.
   * @param content reads the response while it arrives. If it throws a SlipwayError, the error is rethrown without another request.
   */
  async read<Content>(
    path: string,
    headers: Readonly<Record<string, string>>,
    { maxBytes, content }: Pick<Reading<Content>, "maxBytes" | "content">,
    signal: AbortSignal,
  ): Promise<Answer<Content>> {
    return await this.#read(path, { headers, statuses: [200, 304], maxBytes, content }, signal);
  }

  async #read<Content>(
    path: string,
    { headers, statuses, maxBytes, content }: Reading<Content>,
    signal: AbortSignal,
  ): Promise<Answer<Content>> {
    const url = new URL(path, this.#base);
    const call = async (bounded: AbortSignal): Promise<Answer<Content>> => {
      const compressed = { ...headers, "accept-encoding": "gzip" };
      const response = await requestFile(url, (at) => this.#headers(at, compressed), bounded);
      const status = response.statusCode ?? 0;
      const etag = response.headers.etag ?? "";
      if (status === 304 || !statuses.includes(status)) response.destroy();
      if (!statuses.includes(status)) throw unexpectedStatus(status);
      if (status === 304) return { etag, content: null };
      return { etag, content: await content(limited(unpacked(response), maxBytes)) };
    };
    try {
      return await retry(() => withDeadline(call, { limitMs: responseLimitMs, signal }), {
        attempts: maxAttempts,
        isRetryable: isTransient,
        pauseMs,
        signal,
      });
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof SlipwayError ? error : this.#failure(url, error);
    }
  }

  /** Like `get`, for resources that may not exist. @returns null when the status is one of `absent`. */
  async find(
    path: string,
    maxBytes: number,
    signal: AbortSignal,
    absent: readonly number[] = [404, 410],
  ): Promise<string | null> {
    try {
      return await this.get(path, {}, maxBytes, signal);
    } catch (error) {
      const cause = error instanceof SlipwayError ? error.cause : null;
      if (cause instanceof AnswerError && cause.status !== null && absent.includes(cause.status)) return null;
      throw error;
    }
  }

  /**
   * Downloads a file. After a lost connection it requests the rest, as long as each connection delivers some bytes or attempts
   * remain.
   * @param location absolute, or below the registry's URL.
   * @throws {SlipwayError} "toolchain-unavailable"; the signal's reason when aborted.
   */
  async *download(location: string, maxBytes: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const url = new URL(location, this.#base);
    if (url.protocol !== "http:" && url.protocol !== "https:")
      throw unavailable(`The ${this.#title} ${this.#base.host} names ${url.protocol} as a file's place.`);
    let receivedBytes = 0;
    for (let failures = 0; ;) {
      const offset = receivedBytes;
      let failure: unknown;
      try {
        for await (const chunk of this.#bytes(url, offset, maxBytes, signal)) {
          receivedBytes += chunk.length;
          yield chunk;
        }
        return;
      } catch (error) {
        signal.throwIfAborted();
        failure = error;
      }
      failures = receivedBytes > offset ? 1 : failures + 1;
      if (failures >= maxAttempts || !isTransient(failure)) throw this.#failure(url, failure);
      await pause(pauseMs(failures), signal);
    }
  }

  /** The file's bytes from an offset onwards. */
  async *#bytes(url: URL, offset: number, maxBytes: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    using ends = new EndedBy(signal);
    // Without transfer compression, because ranges and the checksum apply to the file's bytes.
    const headers = { "accept-encoding": "identity", ...(offset > 0 ? { range: `bytes=${offset}-` } : {}) };
    const headersFor = (at: URL) => this.#headers(at, headers);
    const response = await withDeadline(requestFile(url, headersFor, ends.signal), {
      limitMs: responseLimitMs,
      signal,
    });
    const status = response.statusCode ?? 0;
    if (status !== 200 && (offset === 0 || status !== 206)) throw unexpectedStatus(status);
    const range = response.headers["content-range"] ?? "";
    if (status === 206 && !range.startsWith(`bytes ${offset}-`))
      throw new Error(`the registry returned the range ${JSON.stringify(range)}`);
    let skipBytes = status === 206 ? 0 : offset;
    const body = limited(response, maxBytes);
    for (;;) {
      const { done, value } = await withDeadline(body.next(), { limitMs: stallLimitMs, signal });
      if (done === true) return;
      const skipped = Math.min(skipBytes, value.length);
      skipBytes -= skipped;
      if (skipped < value.length) yield value.subarray(skipped);
    }
  }

  /** A file may be on another host, which must not receive the credentials. */
  #headers(url: URL, headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
    const own = url.origin === this.#base.origin && this.#authorization !== undefined;
    return {
      "user-agent": "slipway",
      ...headers,
      ...(own ? { authorization: this.#authorization ?? "" } : {}),
    };
  }

  #failure(url: URL, error: unknown) {
    const asked = `GET ${url.origin === this.#base.origin ? "" : url.origin}${url.pathname}`;
    return unavailable(
      `The ${this.#title} ${this.#base.host} does not provide a file: ${asked}: ${reasonOf(error)}`,
      error,
    );
  }
}

/** A signal that aborts with another one, and at the end of its scope, which closes the connection of an unread response. */
class EndedBy implements Disposable {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal;
  readonly #abort = (): void => this.#controller.abort(this.#outer.reason);

  constructor(outer: AbortSignal) {
    this.#outer = outer;
    if (outer.aborted) this.#abort();
    outer.addEventListener("abort", this.#abort);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    this.#outer.removeEventListener("abort", this.#abort);
    this.#controller.abort();
  }
}

/** An invalid response that another request will not improve, unless its status says so. */
class AnswerError extends Error {
  readonly retryable: boolean;
  /** Null when the status is not the problem. */
  readonly status: number | null;

  constructor(message: string, retryable: boolean, status: number | null = null) {
    super(message);
    this.retryable = retryable;
    this.status = status;
  }
}

/** The body; a connection error is also an error of the decompressed stream. */
function unpacked(response: IncomingMessage): Readable {
  if (response.headers["content-encoding"] !== "gzip") return response;
  return pipeline(response, createGunzip(), () => {});
}

function unexpectedStatus(status: number): AnswerError {
  const isRetryable = status >= 500 || status === 429 || status === 408;
  return new AnswerError(`status ${status}`, isRetryable, status);
}

async function* limited(
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  let sizeBytes = 0;
  for await (const chunk of body) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes) throw new AnswerError(`the answer has more than ${maxBytes} bytes`, false);
    yield chunk;
  }
}

function isTransient(error: unknown): boolean {
  if (error instanceof SlipwayError) return false;
  return !(error instanceof AnswerError) || error.retryable;
}

function pauseMs(failures: number): number {
  return backoffMs(failures, { firstMs: 300 });
}
