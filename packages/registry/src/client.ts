// HTTP client of an OCI registry: Basic and bearer authentication, errors as SlipwayError, and retries of repeatable requests.

import { retry } from "@slipway/async";
import { SlipwayError } from "@slipway/core";
import type { ByteStream } from "@slipway/core";
import { measured } from "@slipway/telemetry";
import { closeStream } from "./close-stream.ts";
import { RegistryResponse, stallLimitMs } from "./response.ts";
import { isStream, send } from "./send.ts";
import type { OutgoingRequest } from "./send.ts";

export interface RegistryCredentials {
  readonly username: string;
  readonly password: string;
}

export interface RegistryRequest {
  readonly headers?: Readonly<Record<string, string>>;
  /** A request with a stream is not retried. The stream is closed when the request fails. */
  readonly body?: string | Uint8Array | ByteStream;
  /** Expected statuses; all other statuses are errors. */
  readonly expect: readonly number[] | "any";
  /** Set when the caller streams the body of an expected response: the time limit covers only the headers. `signal` ends the body too. */
  readonly streamed?: boolean;
  readonly signal: AbortSignal;
}

const requestTimeoutMs = 30_000;
const maxAttempts = 3;
const retryDelayMs = 300;
const maxRedirects = 5;
/** Each app has its own repositories, so there are more scopes than a worker uses at a time. */
const maxTokens = 1_000;
/** Redirects with which registries refer downloads to blob stores. */
const redirectsOfDownloads: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const redirectsOfOthers: ReadonlySet<number> = new Set([307, 308]);

export class RegistryClient {
  readonly #origin: URL;
  readonly #credentials: RegistryCredentials | undefined;
  /** Tokens by repository and access: a read token must not replace a write token during an upload. A 401 renews an expired token. */
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

  /**
   * @param location a path, or the value of a Location header.
   * @throws {SlipwayError} "registry-unavailable"; the signal's reason when aborted.
   */
  request(method: string, location: string, request: RegistryRequest): Promise<RegistryResponse> {
    const repeatable = !isStream(request.body);
    const call = async (): Promise<RegistryResponse> => {
      const response = await this.#authorized(method, new URL(location, this.#origin), request);
      if (!isExpected(request, response)) throw await statusError(method, response);
      return response;
    };
    const retried = async () => {
      try {
        return await retry(call, {
          attempts: maxAttempts,
          isRetryable: (error) => repeatable && isTransient(error),
          pauseMs: (failures) => retryDelayMs * failures,
          signal: request.signal,
        });
      } catch (error) {
        // Not awaited: a stream that is waiting for its source closes later. The request's error is the one to report.
        if (isStream(request.body)) closeStream(request.body).catch(() => undefined);
        request.signal.throwIfAborted();
        throw registryError(this.host, method, error);
      }
    };
    return measured("registry", retried, actionOf(method, location));
  }

  async #authorized(method: string, url: URL, request: RegistryRequest): Promise<RegistryResponse> {
    const scope = scopeOf(method, url);
    const first = await respond(method, url, request, this.#authorization(url, scope));
    const challenge = first.header("www-authenticate");
    // A server to which the registry redirects must not decide where the credentials are sent.
    if (first.origin !== this.#origin.origin) return first;
    if (first.status !== 401 || challenge === null || !challenge.toLowerCase().startsWith("bearer"))
      return first;
    first.discard();
    this.#keepToken(scope, await this.#token(challenge, request.signal));
    if (isStream(request.body)) throw new Error("the registry requires a new token during an upload");
    return respond(method, url, request, this.#authorization(url, scope));
  }

  #authorization(url: URL, scope: string): string | undefined {
    // The registry may redirect an upload to another host, which must not receive the credentials.
    if (url.origin !== this.#origin.origin) return undefined;
    const token = this.#tokens.get(scope);
    if (token !== undefined) return `Bearer ${token}`;
    return this.#credentials === undefined ? undefined : basic(this.#credentials);
  }

  #keepToken(scope: string, token: string): void {
    this.#tokens.delete(scope);
    this.#tokens.set(scope, token);
    const [oldest] = this.#tokens.keys();
    if (this.#tokens.size > maxTokens && oldest !== undefined) this.#tokens.delete(oldest);
  }

  async #token(challenge: string, signal: AbortSignal): Promise<string> {
    const parameters = Object.fromEntries(
      [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value]),
    );
    if (parameters["realm"] === undefined)
      throw new Error("the registry's WWW-Authenticate header has no realm");
    const realm = URL.parse(parameters["realm"]);
    if (realm?.protocol !== "http:" && realm?.protocol !== "https:")
      throw new Error(
        "the realm in the registry's WWW-Authenticate header is neither an http nor an https URL",
      );
    for (const key of ["service", "scope"])
      if (parameters[key] !== undefined) realm.searchParams.set(key, parameters[key]);
    const authorization = this.#credentials === undefined ? undefined : basic(this.#credentials);
    const response = await respond("GET", realm, { expect: [200], signal }, authorization);
    if (response.status !== 200) throw await statusError("GET", response);
    const { token, access_token } = (await response.json()) as { token?: string; access_token?: string };
    const found = token ?? access_token;
    if (found === undefined) throw new Error("the response of the registry's realm has no token");
    return found;
  }
}

/** A response with an unexpected status. */
class StatusError extends Error {
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

/** The status of the response because of which `request` failed; undefined when it failed for another reason. */
export function failedStatus(error: unknown): number | undefined {
  return error instanceof SlipwayError && error.cause instanceof StatusError ? error.cause.status : undefined;
}

function isExpected({ expect }: RegistryRequest, { status }: RegistryResponse): boolean {
  return expect === "any" || expect.includes(status);
}

/**
 * Also reads the body, unless the request asks for a stream of this status: a connection that ends before the body is complete is
 * a failed request.
 */
async function respond(
  method: string,
  url: URL,
  request: RegistryRequest,
  authorization?: string,
): Promise<RegistryResponse> {
  const headers = { ...request.headers, ...(authorization === undefined ? {} : { authorization }) };
  const { body, signal } = request;
  if (isStream(body)) {
    // An upload's size is not limited, and thus its duration neither, but it must make progress.
    using stall = detectStall();
    const bounded = AbortSignal.any([signal, stall.signal]);
    const response = await follow(url, { method, headers, body: stall.watched(body), signal: bounded });
    if (request.streamed !== true || !isExpected(request, response)) await response.bytes();
    return response;
  }
  const late = new AbortController();
  const timer = setTimeout(
    () => late.abort(new Error(`no response within ${requestTimeoutMs / 1000} s`)),
    requestTimeoutMs,
  );
  try {
    const bounded = AbortSignal.any([signal, late.signal]);
    const response = await follow(url, { method, headers, body, signal: bounded });
    if (request.streamed !== true || !isExpected(request, response)) await response.bytes();
    return response;
  } finally {
    clearTimeout(timer);
  }
}

/** Follows redirects. The credentials are not sent to another origin. */
async function follow(url: URL, request: OutgoingRequest): Promise<RegistryResponse> {
  const { method, body, signal } = request;
  const redirects = method === "GET" || method === "HEAD" ? redirectsOfDownloads : redirectsOfOthers;
  let at = url;
  let { headers } = request;
  for (let followed = 0; followed <= maxRedirects; followed += 1) {
    const message = await send(at, { ...request, headers });
    const response = new RegistryResponse(message, { url: at, method, signal });
    const location = response.header("location");
    if (location === null || !redirects.has(response.status)) return response;
    response.discard();
    if (isStream(body)) throw new Error("the registry redirects an upload, which cannot be sent twice");
    const target = new URL(location, at);
    if (target.protocol !== "http:" && target.protocol !== "https:")
      throw new Error(`a redirect leads to ${target.protocol}, which is neither http nor https`);
    if (target.origin !== at.origin)
      headers = Object.fromEntries(Object.entries(headers).filter(([name]) => name !== "authorization"));
    at = target;
  }
  throw new Error(`more than ${maxRedirects} redirects`);
}

/** Aborts when the registry neither accepts data nor responds for `stallLimitMs`. */
function detectStall() {
  const controller = new AbortController();
  const stalled = () =>
    controller.abort(new Error(`the upload made no progress for ${stallLimitMs / 1000} s`));
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

async function statusError(method: string, response: RegistryResponse): Promise<StatusError> {
  const text = (await response.text()).slice(0, 300);
  return new StatusError(
    `${method} returned status ${response.status}${text === "" ? "" : `: ${text}`}`,
    response.status,
  );
}

/**
 * The registry `distribution` overwrites a repository's link to a blob in place. While another push writes the same link, it reports the
 * blob as unknown, and refuses a manifest that refers to it.
 */
const concurrentLink = /DIGEST_INVALID|MANIFEST_BLOB_UNKNOWN/;

function isTransient(error: unknown): boolean {
  if (!(error instanceof StatusError)) return true;
  const { status, message } = error;
  return status >= 500 || status === 429 || (status === 400 && concurrentLink.test(message));
}

function registryError(host: string, method: string, error: unknown): SlipwayError {
  const reason = error instanceof StatusError ? error.message : `${method}: ${reasonOf(error)}`;
  return new SlipwayError("registry-unavailable", `the registry ${host} failed: ${reason}`, { cause: error });
}

/** The reason may be in the error's cause. For a host with several addresses, the error is an AggregateError without a message. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join(", ");
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? reasonOf(error.cause) : error.message;
}

function basic({ username, password }: RegistryCredentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

/** The name of a request in traces, without the repository and without the contents of upload URLs. */
function actionOf(method: string, location: string): string {
  const [, part = "v2"] =
    /\/(uploads|blobs|manifests|tags)(?:\/|$)/.exec(location.split("?", 1)[0] ?? "") ?? [];
  return `${method} ${location.includes("/uploads/") ? "uploads" : part}`;
}

function scopeOf(method: string, url: URL): string {
  const repository = /^\/v2\/(.+?)\/(?:blobs|manifests|tags)\//.exec(url.pathname)?.[1] ?? "";
  return `${method === "GET" || method === "HEAD" ? "read" : "write"} ${repository}`;
}
