// WebSockets: connects to the app first, passes the handshake on, and then the bytes both ways until either side ends.

import type { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { createProxyServer } from "httpxy";
import { choose } from "./choose.ts";
import { connect, isUnsent, OneConnection } from "./connect.ts";
import type { ForwardOptions } from "./forward.ts";
import { dropHopByHop, setForwarded } from "./headers.ts";
import { endWithPage } from "./pages.ts";
import type { PageName } from "./pages.ts";
import type { Choice } from "./choose.ts";
import { nameOf } from "./traffic.ts";

const maxTries = 4;

interface Handshake {
  /** What the client's connection had been sent before: more than that, and it is too late for a page. */
  readonly sentBefore: number;
  fault: PageName;
}

interface Opened {
  readonly choice: Choice;
  readonly upstream: Socket;
}

/** The upgraded connections of a server. */
export class Upgrades {
  readonly #options: ForwardOptions;
  readonly #open = new Set<Socket>();
  readonly #proxy = createProxyServer();
  readonly #handshakes = new WeakMap<IncomingMessage, Handshake>();

  constructor(options: ForwardOptions) {
    this.#options = options;
    this.#proxy.on("proxyReqWs", (upstream, request, client) => {
      upstream.setTimeout(options.timeoutMs, () => {
        Object.assign(this.#handshakes.get(request) ?? {}, { fault: "silent" });
        upstream.destroy();
      });
      // What the app sent before it ended still reaches the client.
      upstream.once("upgrade", (_answer, socket: Socket) => socket.once("close", () => client.destroySoon()));
    });
    // Called before the client's connection is ended: the last moment to say why.
    this.#proxy.on("error", (_error, request, client) => {
      const handshake = request === undefined ? undefined : this.#handshakes.get(request);
      if (handshake === undefined || !(client instanceof Socket) || client.destroyed) return;
      if (client.bytesWritten === handshake.sentBefore) endWithPage(client, handshake.fault);
    });
  }

  /** Whether to treat a request as this, and not as if it had not asked: other upgrades are not known here. */
  static isFor({ method, headers }: IncomingMessage): boolean {
    return method === "GET" && headers.upgrade?.toLowerCase() === "websocket";
  }

  /** Resolves when the connection is closed. */
  async serve(request: IncomingMessage, client: Socket, head: Buffer, appName: string): Promise<void> {
    const { trustedProxies } = this.#options;
    this.#open.add(client);
    client.once("close", () => this.#open.delete(client));
    dropHopByHop(request.headers);
    Object.assign(request.headers, { connection: "Upgrade", upgrade: "websocket" });
    setForwarded(request, trustedProxies);
    const opened = await this.#connect(appName, () => client.destroy());
    if (typeof opened === "string") return endWithPage(client, opened);
    using choice = opened.choice;
    const { upstream } = opened;
    if (client.destroyed) {
      upstream.destroy();
      return;
    }
    client.once("close", () => upstream.destroy());
    this.#handshakes.set(request, { sentBefore: client.bytesWritten, fault: "broken" });
    const agent = new OneConnection(upstream);
    await this.#proxy.ws(request, client, { target: { ...choice.target, protocol: "http:" }, agent }, head);
  }

  /** Ends all of them: nobody else would, and their clients connect again. */
  close(): void {
    for (const client of this.#open) client.destroy();
  }

  async #connect(appName: string, cut: () => void): Promise<Opened | PageName> {
    const refused = new Set<string>();
    for (let tries = 1; tries <= maxTries; tries += 1) {
      const choice = await choose(this.#options, appName, refused, cut);
      if (typeof choice === "string") return choice;
      try {
        return { choice, upstream: await connect(choice.target) };
      } catch (error) {
        choice[Symbol.dispose]();
        if (!isUnsent(error)) throw error;
        refused.add(nameOf(choice.target));
      }
    }
    return "not-answering";
  }
}
