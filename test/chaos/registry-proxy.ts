// A proxy of a registry that can block deletions.

import { once } from "node:events";
import { createServer, request } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { cutServer } from "@slipway/testkit";

interface State {
  blocking: boolean;
  readonly blocked: Set<ServerResponse>;
}

export class RegistryProxy implements AsyncDisposable {
  readonly url: string;
  readonly #server: Server;
  readonly #state: State;

  private constructor(server: Server, state: State) {
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.#server = server;
    this.#state = state;
  }

  static async open(registryUrl: string): Promise<RegistryProxy> {
    const state: State = { blocking: false, blocked: new Set() };
    const server = createServer((incoming, answer) => {
      if (state.blocking && incoming.method === "DELETE") block(answer, state.blocked);
      else forward(registryUrl, incoming, answer);
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    return new RegistryProxy(server, state);
  }

  /** Afterwards deletions get no response, and are not forwarded. */
  blockDeletions(): void {
    this.#state.blocking = true;
  }

  /** Afterwards deletions are forwarded. The connections of blocked deletions are closed. */
  unblockDeletions(): void {
    this.#state.blocking = false;
    for (const answer of this.#state.blocked) answer.destroy();
  }

  /** The blocked deletions whose clients still wait, oldest first. */
  get blockedDeletions(): readonly object[] {
    return [...this.#state.blocked];
  }

  [Symbol.asyncDispose](): Promise<void> {
    return cutServer(this.#server);
  }
}

function block(answer: ServerResponse, blocked: Set<ServerResponse>): void {
  blocked.add(answer);
  answer.on("close", () => blocked.delete(answer));
}

/** The Host header stays the proxy's: the registry derives the URL of an upload's continuation from it. */
function forward(registryUrl: string, incoming: IncomingMessage, answer: ServerResponse): void {
  const { method, headers, url = "/" } = incoming;
  const outgoing = request(new URL(url, registryUrl), { method, headers }, (response) => {
    answer.writeHead(response.statusCode ?? 502, response.headers);
    response.pipe(answer);
  });
  // When one side ends, the other is destroyed; the client reports its lost connection.
  outgoing.on("error", () => answer.destroy());
  answer.on("close", () => outgoing.destroy());
  incoming.pipe(outgoing);
}
