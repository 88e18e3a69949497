import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connectDocker } from "./connection.ts";
import type { Images } from "./images.ts";

const opened = new AsyncDisposableStack();
let images: Images;
/** Called when the engine, which never answers, was asked something; again when the client has gone away. */
let onAsked: (path: string) => void;
let onLeft: () => void;

beforeAll(async () => {
  const engine = createServer((request, response) => {
    response.on("close", () => onLeft());
    onAsked(request.url ?? "");
  });
  opened.defer(() => {
    engine.closeAllConnections();
    engine.close();
  });
  await once(engine.listen(0, "127.0.0.1"), "listening");
  const { port } = engine.address() as AddressInfo;
  images = opened.use(connectDocker({ dockerHost: `tcp://127.0.0.1:${port}` })).images;
});
afterAll(() => opened.disposeAsync());

test.for([
  ["lists images", (signal: AbortSignal) => images.digests("registry/app", signal)],
  ["removes an image", (signal: AbortSignal) => images.remove("registry/app", "sha256:a", signal)],
] as const)("a call that %s ends with its signal, and so does its request", async ([, call]) => {
  const abort = new AbortController();
  const left = Promise.withResolvers<void>();
  onAsked = () => abort.abort(new Error("too long"));
  onLeft = left.resolve;
  await expect(call(abort.signal)).rejects.toThrow("too long");
  await left.promise;
});
