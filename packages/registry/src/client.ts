// HTTP to an OCI registry: authentication by Basic or bearer challenge, errors in our words, retries where repeating is safe.

import { retry } from "@slipway/async";
import { SlipwayError } from "@slipway/core";
import type { ByteStream } from "@slipway/core";

export interface RegistryCredentials {
  readonly username: string;
  readonly password: string;
}

export interface RegistryRequest {
  readonly headers?: Readonly<Record<string, string>>;
  /** A stream is sent as it comes, and never a second time. */
  readonly body?: string | ByteStream;
  /** Statuses that are an answer; all others are an error. */
  readonly expect: readonly number[];
  /** The answer's body is read as it comes, for as long as `signal` lets it: only its headers have to be there soon. */
  readonly streamed?: boolean;
  readonly signal: AbortSignal;
}

const requestTimeoutMs = 30_000;
/** Builds send nothing for a while where their own source is slow. */
const stallLimitMs = 300_000;
const tries = 3;
const retryDelayMs = 300;

export class RegistryClient {
  readonly #origin: URL;
  readonly #credentials: RegistryCredentials | undefined;
  /** Per scope, e.g. `repository:apps/x:pull,push`; the realm gives them for minutes only, so 401 asks anew. */
  readonly #tokens = new Map<string, string>();

  constructor(url: string, credentials?: RegistryCredentials) {
    const parsed = new URL(url);
    this.#origin = new URL(parsed.origin);
    const inUrl = {
      username: decodeURIComponent(parsed.username),
      password: decodeURIComponent(parsed.password),
    };
    this.#credentials = credentials ?? (inUrl.username === "" ? undefined : inUrl);
  }

  get host(): string {
    return this.#origin.host;
  }

  /** @param location a path, or what a Location header gave. @throws {SlipwayError} "registry-unavailable". */
  async request(method: string, location: string, request: RegistryRequest): Promise<Response> {
    const repeatable = typeof request.body !== "object";
    const call = async (): Promise<Response> => {
      const response = await this.#authorized(method, new URL(location, this.#origin), request);
      if (request.expect.includes(response.status)) return response;
      throw await refused(method, response);
    };
    try {
      return await retry(call, {
        attempts: tries,
        isRetryable: (error) => repeatable && isPassing(error),
        pauseMs: (failures) => retryDelayMs * failures,
        signal: request.signal,
      });
    } catch (error) {
      request.signal.throwIfAborted();
      throw inOurWords(this.host, method, error);
    }
  }

  async #authorized(method: string, url: URL, request: RegistryRequest): Promise<Response> {
    const scope = scopeOf(url);
    const first = await send(method, url, request, this.#authorization(url, scope));
    const challenge = first.headers.get("www-authenticate");
    if (first.status !== 401 || challenge === null || !challenge.toLowerCase().startsWith("bearer"))
      return first;
    await first.body?.cancel();
    this.#tokens.set(scope, await this.#token(challenge, request.signal));
    if (typeof request.body === "object")
      throw new Error("the registry wants a new token in the midst of an upload");
    return send(method, url, request, this.#authorization(url, scope));
  }

  #authorization(url: URL, scope: string): string | undefined {
    // An upload may be sent on to another host, which is none of our credentials' business.
    if (url.origin !== this.#origin.origin) return undefined;
    const token = this.#tokens.get(scope);
    if (token !== undefined) return `Bearer ${token}`;
    return this.#credentials === undefined ? undefined : basic(this.#credentials);
  }

  async #token(challenge: string, signal: AbortSignal): Promise<string> {
    const given = Object.fromEntries(
      [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value]),
    );
    if (given["realm"] === undefined) throw new Error("the registry's challenge names no realm");
    const realm = new URL(given["realm"]);
    for (const key of ["service", "scope"])
      if (given[key] !== undefined) realm.searchParams.set(key, given[key]);
    const authorization = this.#credentials === undefined ? undefined : basic(this.#credentials);
    const answer = await send("GET", realm, { expect: [200], signal }, authorization);
    if (answer.status !== 200) throw await refused("GET", answer);
    const { token, access_token } = (await answer.json()) as { token?: string; access_token?: string };
    const found = token ?? access_token;
    if (found === undefined) throw new Error("the registry's realm gave no token");
    return found;
  }
}

/** An answer that is none we can use. */
class Refusal extends Error {
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

async function send(
  method: string,
  url: URL,
  request: RegistryRequest,
  authorization?: string,
): Promise<Response> {
  const headers = { ...request.headers, ...(authorization === undefined ? {} : { authorization }) };
  const { body, signal } = request;
  if (typeof body === "object") {
    // The size of an upload is not bounded, so its time is not either, but it has to get on.
    using stall = stallWatch();
    const streamed = {
      method,
      headers,
      body: stall.watched(body),
      duplex: "half",
      signal: AbortSignal.any([signal, stall.signal]),
      redirect: "error",
    } as unknown as RequestInit;
    return await fetch(url, streamed);
  }
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new Error("no answer in time")), requestTimeoutMs).unref();
  const bounded = AbortSignal.any([signal, late.signal]);
  const response = await fetch(url, {
    method,
    headers,
    signal: bounded,
    ...(body === undefined ? {} : { body }),
  });
  if (request.streamed === true) clearTimeout(timer);
  return response;
}

/** Aborts when the registry has not taken, or has not answered, anything for as long as it may. */
function stallWatch() {
  const controller = new AbortController();
  const stalled = () => controller.abort(new Error("the upload does not get on"));
  const timer = setTimeout(stalled, stallLimitMs);
  async function* watched(bytes: ByteStream): AsyncGenerator<Uint8Array> {
    for await (const chunk of bytes) {
      timer.refresh();
      yield chunk;
    }
    timer.refresh();
  }
  return { signal: controller.signal, watched, [Symbol.dispose]: () => clearTimeout(timer) };
}

async function refused(method: string, response: Response): Promise<Refusal> {
  const text = (await response.text()).slice(0, 300);
  return new Refusal(
    `${method} answered ${response.status}${text === "" ? "" : `: ${text}`}`,
    response.status,
  );
}

function isPassing(error: unknown): boolean {
  return !(error instanceof Refusal) || error.status >= 500 || error.status === 429;
}

function inOurWords(host: string, method: string, error: unknown): SlipwayError {
  const reason = error instanceof Refusal ? error.message : `${method}: ${reasonOf(error)}`;
  return new SlipwayError("registry-unavailable", `the registry ${host} failed: ${reason}`, { cause: error });
}

/** fetch says no more than that it failed; what happened is the cause. One for each address tried has no words of its own. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join(", ");
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? reasonOf(error.cause) : error.message;
}

function basic({ username, password }: RegistryCredentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

function scopeOf(url: URL): string {
  return /^\/v2\/(.+?)\/(?:blobs|manifests|tags)\//.exec(url.pathname)?.[1] ?? "";
}
