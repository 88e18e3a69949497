// A way to a registry on which deletions can be held back: nothing else of the registry is slow then.

import { once } from "node:events";
import { createServer, request } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

interface State {
  holding: boolean;
  readonly held: Set<ServerResponse>;
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
    const state: State = { holding: false, held: new Set() };
    const server = createServer((incoming, answer) => {
      if (state.holding && incoming.method === "DELETE") hold(answer, state.held);
      else forward(registryUrl, incoming, answer);
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    return new RegistryProxy(server, state);
  }

  /** From now on a deletion gets no answer and is not made. */
  holdDeletions(): void {
    this.#state.holding = true;
  }

  /** From now on deletions are made. Those that are held are cut off. */
  letDeletionsGo(): void {
    this.#state.holding = false;
    for (const answer of this.#state.held) answer.destroy();
  }

  /** The deletions that are held and whose client still waits, oldest first. */
  get heldDeletions(): readonly object[] {
    return [...this.#state.held];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

function hold(answer: ServerResponse, held: Set<ServerResponse>): void {
  held.add(answer);
  answer.on("close", () => held.delete(answer));
}

/** The host's name stays the proxy's: by it the registry names where an upload goes on. */
function forward(registryUrl: string, incoming: IncomingMessage, answer: ServerResponse): void {
  const { method, headers, url = "/" } = incoming;
  const outgoing = request(new URL(url, registryUrl), { method, headers }, (response) => {
    answer.writeHead(response.statusCode ?? 502, response.headers);
    response.pipe(answer);
  });
  // A side that goes away takes the other with it; the client reports what it was cut off from.
  outgoing.on("error", () => answer.destroy());
  answer.on("close", () => outgoing.destroy());
  incoming.pipe(outgoing);
}
