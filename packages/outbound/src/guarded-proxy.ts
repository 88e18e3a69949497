// An HTTP proxy for a program that fetches users' URLs, such as git. Each connection, also after a redirect, is checked like a request to
// a user's URL, and uses the address that was checked.

import { randomBytes, timingSafeEqual } from "node:crypto";
import { type IncomingMessage, type ServerResponse, createServer, request as httpRequest } from "node:http";
import { type AddressInfo, type Socket, connect } from "node:net";
import { type Duplex, Transform, type TransformCallback } from "node:stream";
import { pipeline } from "node:stream/promises";
import { contain } from "@slipway/async";
import { SlipwayError, mebibytesText } from "@slipway/core";
import { type AddressRule, addressRule } from "./address-rules.ts";
import { parseUrl } from "./request.ts";
import { allowedAddresses, bareHost, fixedLookup } from "./resolve.ts";
import { describeFailure, hostOf, unreachable } from "./url-failures.ts";

export interface GuardedProxyOptions {
  /** As in OpenUrlOptions. */
  readonly allowedPrivateHosts: readonly string[];
  /** Maximum number of bytes that servers send over all connections. */
  readonly maxSizeBytes: number;
  /** Time limit to connect. Default 30 s. */
  readonly connectTimeoutMs?: number;
}

export interface GuardedProxy extends AsyncDisposable {
  /** URL on the loopback interface, with the credentials that the proxy requires. */
  readonly url: string;
  /**
   * Why the proxy refused or ended a connection, the latest of several; null when it did not. The errors are those of `openUrl`.
   */
  readonly failure: () => SlipwayError | null;
}

/** Headers that a proxy must not forward. */
const hopHeaders = new Set([
  "connection",
  "keep-alive",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "upgrade",
]);

/** Starts a proxy on a free port. Disposing of it ends its connections. */
export async function openGuardedProxy(options: GuardedProxyOptions): Promise<GuardedProxy> {
  const token = randomBytes(24).toString("hex");
  const relay = new Relay(options);
  const isAuthorized = authorization(`Basic ${Buffer.from(`slipway:${token}`).toString("base64")}`);
  const server = createServer(
    contain(
      async (request: IncomingMessage, response: ServerResponse) => {
        if (isAuthorized(request)) return relay.forward(request, response);
        response.writeHead(407, { "proxy-authenticate": "Basic" }).end();
      },
      (_error, _request, response) => response.destroy(),
    ),
  );
  const onConnect = contain(
    async (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      socket.on("error", () => socket.destroy());
      if (isAuthorized(request)) return relay.tunnel(request.url ?? "", socket, head);
      socket.end("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n");
    },
    (_error, _request, socket) => socket.destroy(),
  );
  server.on("connect", onConnect);
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://slipway:${token}@127.0.0.1:${port}`,
    failure: () => relay.failure,
    async [Symbol.asyncDispose]() {
      relay.abort();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

class Relay {
  failure: SlipwayError | null = null;
  readonly #isAllowed: AddressRule;
  readonly #options: GuardedProxyOptions;
  readonly #controller = new AbortController();
  #receivedBytes = 0;

  constructor(options: GuardedProxyOptions) {
    this.#options = options;
    this.#isAllowed = addressRule(options.allowedPrivateHosts);
  }

  abort(): void {
    this.#controller.abort();
  }

  /** Handles CONNECT: TLS, and any other protocol over TCP. */
  async tunnel(authority: string, socket: Duplex, head: Buffer): Promise<void> {
    const { signal } = this.#controller;
    // Parsed as https, because the URL must keep the port of CONNECT even where it is the default one.
    const url = URL.parse(`https://${authority}`);
    if (url === null) {
      socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
      return;
    }
    let upstream: Socket;
    try {
      upstream = await this.#connect(url);
    } catch (error) {
      this.#fail(url, error);
      socket.end("HTTP/1.1 502 Bad Gateway\r\n\r\n");
      return;
    }
    socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
    upstream.write(head);
    const sent = pipeline(socket, upstream, { signal }).catch(() => upstream.destroy());
    await pipeline(upstream, this.#counter(), socket, { signal }).catch((error: unknown) => {
      socket.destroy();
      if (error instanceof SlipwayError) this.failure = error;
    });
    await sent;
  }

  /** Handles a request for an http URL. */
  async forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { signal } = this.#controller;
    let url: URL | undefined;
    try {
      url = parseUrl(request.url ?? "");
      const incoming = await this.#send(url, request);
      response.writeHead(incoming.statusCode ?? 502, headersOf(incoming));
      await pipeline(incoming, this.#counter(), response, { signal });
    } catch (error) {
      // An interrupted body is the client's error to report, which may have closed the connection itself.
      if (!response.headersSent || error instanceof SlipwayError) this.#fail(url, error);
      if (response.headersSent) response.destroy();
      else response.writeHead(502).end();
    }
  }

  async #connect(url: URL): Promise<Socket> {
    const addresses = await this.#addresses(url);
    const port = Number(url.port || 443);
    const { promise, resolve, reject } = Promise.withResolvers<Socket>();
    const socket = connect({ host: bareHost(url), port, lookup: fixedLookup(addresses) });
    const { signal } = this.#controller;
    const timer = setTimeout(() => socket.destroy(timeoutError()), this.#timeoutMs());
    const onAbort = () => socket.destroy();
    signal.addEventListener("abort", onAbort, { once: true });
    socket.once("connect", () => resolve(socket));
    socket.on("error", reject);
    socket.once("close", () => reject(new Error("closed")));
    return promise.finally(() => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    });
  }

  async #send(url: URL, request: IncomingMessage): Promise<IncomingMessage> {
    const addresses = await this.#addresses(url);
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const outgoing = httpRequest({
      method: request.method,
      hostname: bareHost(url),
      port: url.port,
      path: `${url.pathname}${url.search}`,
      headers: { ...headersOf(request), host: url.host },
      lookup: fixedLookup(addresses),
      agent: false,
      timeout: this.#timeoutMs(),
      signal: this.#controller.signal,
    });
    outgoing.on("timeout", () => outgoing.destroy(timeoutError()));
    outgoing.once("response", resolve);
    outgoing.on("error", reject);
    await pipeline(request, outgoing).catch(reject);
    return promise;
  }

  async #addresses(url: URL) {
    const signal = AbortSignal.any([this.#controller.signal, AbortSignal.timeout(this.#timeoutMs())]);
    return allowedAddresses(url, this.#isAllowed, signal);
  }

  #timeoutMs(): number {
    return this.#options.connectTimeoutMs ?? 30_000;
  }

  #fail(url: URL | undefined, error: unknown): void {
    if (this.#controller.signal.aborted) return;
    if (error instanceof SlipwayError) this.failure = error;
    else if (url !== undefined)
      this.failure = unreachable(`${hostOf(url)} ${describeFailure(error)}.`, error);
  }

  /** All connections share the limit. */
  #counter(): Transform {
    const { maxSizeBytes } = this.#options;
    return new Transform({
      transform: (chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback) => {
        this.#receivedBytes += chunk.length;
        if (this.#receivedBytes <= maxSizeBytes) done(null, chunk);
        else done(tooLarge(maxSizeBytes));
      },
    });
  }
}

function authorization(expected: string): (request: IncomingMessage) => boolean {
  const wanted = Buffer.from(expected);
  return ({ headers }) => {
    const given = Buffer.from(headers["proxy-authorization"] ?? "");
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  };
}

function headersOf({ headers }: IncomingMessage): Record<string, string | string[] | undefined> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !hopHeaders.has(name)));
}

function timeoutError(): Error {
  return Object.assign(new Error("timeout"), { code: "ETIMEDOUT" });
}

function tooLarge(maxSizeBytes: number): SlipwayError {
  return new SlipwayError("archive-too-large", `The servers sent more than ${mebibytesText(maxSizeBytes)}.`);
}
