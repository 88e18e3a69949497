// A registry that closes the connection at each step of a push: the push is repeated or fails as "registry-unavailable", and neither
// an error nor a connection is left over.

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, request } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { cutServer, eventually, pushImage, startRegistry, UnhandledErrors } from "@slipway/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openRegistry } from "./registry.ts";

const steps = [
  ["the manifest of the base image", /^GET .*\/manifests\//],
  ["the configuration of the base image", /^GET .*\/blobs\//],
  ["the mount of a layer", /^POST .*[?&]mount=/],
  ["the start of an upload", /^POST .*\/uploads\/$/],
  ["the bytes of a layer", /^PATCH /],
  ["the end of an upload", /^PUT .*\/uploads\//],
  ["a small layer", /^PUT .*\/uploads\//],
  ["the new manifest", /^PUT .*\/manifests\//],
] as const;

const halfAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf";
const ways: readonly (readonly [string, (socket: Socket) => void])[] = [
  ["resets the connection before", (socket) => socket.resetAndDestroy()],
  ["half-closes the connection before", (socket) => socket.end()],
  [
    "resets the connection in the middle of",
    (socket) => socket.write(halfAnswer, () => socket.resetAndDestroy()),
  ],
  ["closes the connection in the middle of", (socket) => socket.end(halfAnswer)],
];

const opened = new AsyncDisposableStack();
let registryUrl: string;

beforeAll(async () => {
  const server = opened.use(await startRegistry());
  registryUrl = server.url;
  await pushImage(registryUrl, { repository: "stack", tag: "v1", layer: Buffer.from("a layer"), config: {} });
});
afterAll(() => opened.disposeAsync());

test.for(ways.flatMap(([how, end]) => steps.map(([what, pattern]) => [how, what, end, pattern] as const)))(
  "a registry that %s its answer to %s leaves no trace",
  async ([how, what, end, pattern]) => {
    using unhandled = new UnhandledErrors();
    await using proxy = await leavingProxy(pattern, end);
    const repository = `apps/${`${how} ${what}`.replaceAll(/[^a-z]+/g, "-")}`;
    const registry = openRegistry({ url: proxy.url });
    let openSources = 0;
    const push = () =>
      registry.push(
        {
          repository,
          tag: "d1",
          base: `${registry.host}/stack:v1`,
          layers: [source()],
          config: { entrypoint: [], command: [], environment: {}, labels: {}, user: "1:1", workingDir: "/" },
        },
        AbortSignal.timeout(60_000),
      );
    async function* source(): AsyncGenerator<Uint8Array> {
      openSources += 1;
      try {
        const blocks = what === "a small layer" ? 1 : 40;
        for (let block = 0; block < blocks; block += 1) yield randomBytes(64 * 1024);
      } finally {
        openSources -= 1;
      }
    }
    const outcome: unknown = await push().catch((error: unknown) => error);
    expect(proxy.left).toBe(true);
    // The bytes of a layer come from a container and are sent once. All other requests are repeated.
    const reference = `${registry.host}/${repository}:d1`;
    const expected = what === "the bytes of a layer" ? { code: "registry-unavailable" } : { reference };
    expect(outcome).toMatchObject(expected);
    expect((await push()).reference).toBe(reference);
    expect(openSources).toBe(0);
    await eventually(async () => proxy.endedConnections.every(({ destroyed }) => destroyed));
    expect(unhandled.errors).toEqual([]);
  },
);

/** A proxy of the registry that closes the connection of the first matching request, once its body has begun. */
async function leavingProxy(pattern: RegExp, end: (socket: Socket) => void) {
  const endedConnections: Socket[] = [];
  const server = createServer((incoming, response) => {
    const matches = pattern.test(`${incoming.method} ${incoming.url}`);
    if (endedConnections.length > 0 || !matches) {
      pass(incoming, response);
      return;
    }
    endedConnections.push(incoming.socket);
    if (incoming.method === "PATCH") incoming.once("data", () => end(incoming.socket));
    else end(incoming.socket);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    endedConnections,
    get left() {
      return endedConnections.length > 0;
    },
    [Symbol.asyncDispose]: () => cutServer(server),
  };
}

function pass(incoming: IncomingMessage, response: ServerResponse): void {
  const { method, headers, url } = incoming;
  const passed = request(`${registryUrl}${url}`, { method, headers }, (upstream) => {
    response.writeHead(upstream.statusCode ?? 500, upstream.headers);
    upstream.pipe(response);
  });
  passed.on("error", () => response.destroy());
  incoming.on("error", () => passed.destroy()).pipe(passed);
}
