// Forwards WebSockets: connects to the app, forwards the handshake, then pipes both directions until either side closes.

import type { ClientRequest, IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { createProxyServer } from "httpxy";
import { contain } from "@slipway/async";
import { change } from "@slipway/telemetry";
import { chooseTarget, maxTargets } from "./choose-target.ts";
import type { Choice } from "./choose-target.ts";
import { connect, isConnectError, SingleConnectionAgent } from "./connect.ts";
import type { ForwardOptions } from "./forward.ts";
import { removeHopByHopHeaders, setForwarded } from "./headers.ts";
import { targetKey } from "./keep-alive-connections.ts";
import { endWithPage } from "./pages.ts";
import type { PageName } from "./pages.ts";

interface Handshake {
  /** Bytes written to the client before the handshake. Once more bytes are written, an error page can no longer be sent. */
  readonly bytesWrittenBefore: number;
  /** The error page to send if the handshake fails. */
  failure: PageName;
}

interface UpstreamConnection {
  readonly choice: Choice;
  readonly upstream: Socket;
}

/** The WebSocket connections of a server. */
export class Upgrades {
  readonly #options: ForwardOptions;
  readonly #open = new Set<Socket>();
  readonly #proxy = createProxyServer();
  readonly #handshakes = new WeakMap<IncomingMessage, Handshake>();

  constructor(options: ForwardOptions) {
    this.#options = options;
    const fail = (error: unknown, client: unknown) => {
      options.onError(error);
      if (client instanceof Socket) client.destroy();
    };
    this.#proxy.on(
      "proxyReqWs",
      contain(
        (upstream, request, client) => this.#supervise(upstream, request, client),
        (error, _upstream, _request, client) => fail(error, client),
      ),
    );
    // httpxy emits "error" before it closes the client's connection, so an error page can still be sent.
    this.#proxy.on(
      "error",
      contain(
        (_error, request, client) => this.#explain(request, client),
        (error, _of, _request, client) => fail(error, client),
      ),
    );
  }

  /** Whether the request is a WebSocket upgrade. Other upgrade requests are handled as plain requests. */
  static accepts({ method, headers }: IncomingMessage): boolean {
    return method === "GET" && headers.upgrade?.toLowerCase() === "websocket";
  }

  /** Resolves when the connection is closed. */
  async serve(request: IncomingMessage, client: Socket, head: Buffer, appName: string): Promise<void> {
    const { trustedProxies } = this.#options;
    this.#open.add(client);
    change("slipway_router_websockets", {}, 1);
    client.once("close", () => {
      this.#open.delete(client);
      change("slipway_router_websockets", {}, -1);
    });
    removeHopByHopHeaders(request.headers);
    Object.assign(request.headers, { connection: "Upgrade", upgrade: "websocket" });
    setForwarded(request, trustedProxies);
    const connection = await this.#connect(appName, () => client.destroy());
    if (typeof connection === "string") return endWithPage(client, connection);
    using choice = connection.choice;
    const { upstream } = connection;
    if (client.destroyed) {
      upstream.destroy();
      return;
    }
    client.once("close", () => upstream.destroy());
    this.#handshakes.set(request, { bytesWrittenBefore: client.bytesWritten, failure: "broken" });
    const agent = new SingleConnectionAgent(upstream);
    await this.#proxy.ws(request, client, { target: { ...choice.target, protocol: "http:" }, agent }, head);
  }

  /** Closes all connections, which would otherwise stay open without a limit. Clients reconnect. */
  close(): void {
    for (const client of this.#open) client.destroy();
  }

  /** Closes the connections of an app that does not answer, and the client's when the app's closes. */
  #supervise(upstream: ClientRequest, request: IncomingMessage, client: Socket): void {
    upstream.setTimeout(this.#options.timeoutMs, () => {
      Object.assign(this.#handshakes.get(request) ?? {}, { failure: "silent" });
      upstream.destroy();
    });
    // destroySoon flushes what the app sent before it closed.
    upstream.once("upgrade", (_response, socket: Socket) => socket.once("close", () => client.destroySoon()));
  }

  /** Sends the error page of a failed handshake. */
  #explain(request: IncomingMessage | undefined, client: unknown): void {
    const handshake = request === undefined ? undefined : this.#handshakes.get(request);
    if (handshake === undefined || !(client instanceof Socket) || client.destroyed) return;
    if (client.bytesWritten === handshake.bytesWrittenBefore) endWithPage(client, handshake.failure);
  }

  /** Connects to an instance of the app, and tries others when it is unreachable. */
  async #connect(appName: string, abort: () => void): Promise<UpstreamConnection | PageName> {
    const unreachable = new Set<string>();
    for (let attempt = 1; attempt <= maxTargets; attempt += 1) {
      const choice = await chooseTarget(this.#options, appName, unreachable, abort);
      if (typeof choice === "string") return choice;
      try {
        return { choice, upstream: await connect(choice.target) };
      } catch (error) {
        choice[Symbol.dispose]();
        if (!isConnectError(error)) throw error;
        unreachable.add(targetKey(choice.target));
      }
    }
    return "not-answering";
  }
}
