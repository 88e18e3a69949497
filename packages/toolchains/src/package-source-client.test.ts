import { once } from "node:events";
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import { createServer as createTcpServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { expect, test } from "vitest";
import { refusal } from "@slipway/testkit";
import { PackageSourceClient } from "./package-source-client.ts";

const { signal } = new AbortController();
const maxBytes = 64 * 1024 ** 2;

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

async function serve(listener: RequestListener) {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    server,
    url: `http://127.0.0.1:${portOf(server)}/`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

// A response in one piece, whose last bytes are still in the client's buffers when the connection ends.
test.each([64, 128, 512, 4096])(
  "a download of %s KiB that is read slowly is complete, also after the server has closed the connection",
  async (sizeKiB) => {
    const file = Buffer.alloc(sizeKiB * 1024, "x");
    const head = `HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${file.length}\r\n\r\n`;
    const server = createTcpServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => socket.end(Buffer.concat([Buffer.from(head), file])));
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const client = new PackageSourceClient(`http://127.0.0.1:${portOf(server)}/`, "registry");
    let receivedBytes = 0;
    for await (const chunk of client.download("file", maxBytes, signal)) {
      receivedBytes += chunk.length;
      // The socket continues in the meantime, up to its end.
      for (let turns = 0; turns < 20; turns += 1) await new Promise((resolve) => setImmediate(resolve));
    }
    server.close();
    expect(receivedBytes).toBe(file.length);
  },
);

test("a download follows redirects, and sends credentials to the registry's own host only", async () => {
  const authorized: (string | undefined)[] = [];
  await using files = await serve((request, response) => {
    authorized.push(request.headers.authorization);
    response.end("content");
  });
  await using registry = await serve((request, response) => {
    authorized.push(request.headers.authorization);
    const location = request.url === "/file" ? "/moved" : `${files.url}elsewhere`;
    response.writeHead(302, { location }).end();
  });
  const client = new PackageSourceClient(registry.url.replace("//", "//user:secret@"), "registry");
  const chunks = await Array.fromAsync(client.download("file", maxBytes, signal));
  expect(Buffer.concat(chunks).toString()).toBe("content");
  const own = `Basic ${Buffer.from("user:secret").toString("base64")}`;
  expect(authorized).toEqual([own, own, undefined]);
});

test("a download that is redirected without end fails", async () => {
  await using registry = await serve((_request, response) => {
    response.writeHead(302, { location: "/again" }).end();
  });
  const client = new PackageSourceClient(registry.url, "registry");
  const failure = refusal(Array.fromAsync(client.download("file", maxBytes, signal)));
  expect(await failure).toMatch(/^toolchain-unavailable: .* more than 5 redirects/);
});
