import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { cutServer } from "@slipway/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connectDocker } from "./connection.ts";
import type { Images } from "./images.ts";

const opened = new AsyncDisposableStack();
let images: Images;
/** Called for each request to the engine, which never responds, and when the client closes the connection. */
let onRequest: (path: string) => void;
let onClose: () => void;

beforeAll(async () => {
  const engine = createServer((request, response) => {
    response.on("close", () => onClose());
    onRequest(request.url ?? "");
  });
  opened.defer(() => cutServer(engine));
  await once(engine.listen(0, "127.0.0.1"), "listening");
  const { port } = engine.address() as AddressInfo;
  images = opened.use(connectDocker({ dockerHost: `tcp://127.0.0.1:${port}` })).images;
});
afterAll(() => opened.disposeAsync());

test.for([
  ["lists images", (signal: AbortSignal) => images.digests("registry/app", signal)],
  ["removes an image", (signal: AbortSignal) => images.remove("registry/app", "sha256:a", signal)],
] as const)("aborting a call that %s ends the call and its request", async ([, call]) => {
  const abort = new AbortController();
  const closed = Promise.withResolvers<void>();
  onRequest = () => abort.abort(new Error("too long"));
  onClose = closed.resolve;
  await expect(call(abort.signal)).rejects.toThrow("too long");
  await closed.promise;
});
