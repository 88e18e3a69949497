// Pulls by a real engine of images larger than their manifest states, and the evaluation of engines' progress reports.

import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { cutServer, lacksEngine, testEngine } from "@slipway/testkit";
import { expect, onTestFinished, test } from "vitest";
import { connectDocker } from "./connection.ts";
import { followPull } from "./pull-progress.ts";

const mebibyte = 1024 ** 2;
const sha256 = (text: string) => `sha256:${createHash("sha256").update(text).digest("hex")}`;
const type = (part: string) => `application/vnd.docker.${part}`;
const layer = `sha256:${"0a".repeat(32)}`;
const config = JSON.stringify({
  architecture: "amd64",
  os: "linux",
  config: {},
  rootfs: { type: "layers", diff_ids: [layer] },
});
const manifest = JSON.stringify({
  schemaVersion: 2,
  mediaType: type("distribution.manifest.v2+json"),
  config: { mediaType: type("container.image.v1+json"), digest: sha256(config), size: config.length },
  layers: [{ mediaType: type("image.rootfs.diff.tar.gzip"), digest: layer, size: 1 }],
});

/** A registry with a layer that states one byte, sends 64 MiB, and then stalls. @returns its host, and when the engine stops reading. */
async function endlessRegistry() {
  const closed = Promise.withResolvers<void>();
  const server = createServer(({ url = "" }, response) => {
    if (url.includes("/manifests/"))
      response.writeHead(200, { "content-type": type("distribution.manifest.v2+json") }).end(manifest);
    else if (url.endsWith(layer)) {
      response.once("close", closed.resolve);
      void send(response);
    } else response.end(url.includes("/blobs/") ? config : "{}");
  });
  onTestFinished(() => cutServer(server));
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, closed: closed.promise };
}

async function send(response: ServerResponse): Promise<void> {
  for (let sent = 0; sent < 64 && !response.destroyed; sent += 1) {
    if (!response.write(Buffer.alloc(mebibyte)))
      await Promise.race([once(response, "drain"), once(response, "close")]);
  }
}

test.skipIf(await lacksEngine())(
  "a pull that exceeds its limit ends, and the engine stops to download",
  async () => {
    const { dockerHost } = await testEngine();
    using connection = connectDocker({ dockerHost });
    const { host, closed } = await endlessRegistry();
    const { signal } = new AbortController();
    const pulled = connection.images.ensure(`${host}/endless:1`, signal, { maxBytes: 8 * mebibyte });
    await expect(pulled).rejects.toMatchObject({
      code: "build-failed",
      message: expect.stringContaining(
        "more than 8 MiB, which is the most that may be pulled (PULLED_IMAGE_MAX_MB)",
      ),
    });
    await closed;
  },
);

const report = (id: string, current: number, status = "Downloading") =>
  `${JSON.stringify({ status, id, progressDetail: { current, total: 1 } })}\n`;

const follow = (chunks: readonly string[]) => followPull("a:1", Readable.from(chunks), 10);

test.each([
  ["one layer", [report("a", 4), report("a", 11)]],
  ["all layers together", [report("a", 6), report("b", 5)]],
  ["a download that begins again", [report("a", 6), report("a", 5)]],
  ["layers with the same shortened id", [report("a", 3), report("a", 1), report("a", 8)]],
  ["one layer, in lines that are split", [report("a", 11).slice(0, 9), report("a", 11).slice(9)]],
])("a pull ends when too much was downloaded of %s", async (_name, chunks) => {
  await expect(follow(chunks)).rejects.toMatchObject({ code: "build-failed" });
});

test("a pull within its limit continues, and what is unpacked does not count", async () => {
  const chunks = [report("a", 4), report("a", 10), report("a", 20, "Extracting")];
  await expect(follow(chunks)).resolves.toBeUndefined();
});
