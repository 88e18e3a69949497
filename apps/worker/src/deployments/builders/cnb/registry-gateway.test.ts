import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { creatorFailure } from "@slipway/buildpacks";
import { SlipwayError } from "@slipway/core";
import type { HttpRequest, HttpResponse } from "@slipway/core";
import { expect, test } from "vitest";
import type { ExportedImage } from "./exported-image.ts";
import { openRegistryGateway } from "./registry-gateway.ts";

const done: HttpResponse = { status: 202, headers: {}, body: null };
const unavailable = new SlipwayError("registry-unavailable", "the registry answered with status 502");
const uploads = "/v2/apps/one/blobs/uploads/1";

/** A registry that reads each upload, and sends these responses to the first requests. */
function gatewayOf(...responses: readonly (SlipwayError | HttpResponse)[]) {
  return gatewayWith(100, responses);
}

function gatewayWith(maxBytes: number, responses: readonly (SlipwayError | HttpResponse)[]) {
  const left = [...responses];
  const forward = async ({ body }: HttpRequest): Promise<HttpResponse> => {
    if (body !== null) await buffer(body);
    const response = left.shift() ?? done;
    if (response instanceof Error) throw response;
    return response;
  };
  const { signal } = new AbortController();
  const annotations = { "org.opencontainers.image.revision": "main" };
  const rules = { repository: "apps/one", tag: "x", readable: [] };
  const exported: ExportedImage[] = [];
  const onExported = (image: ExportedImage) => void exported.push(image);
  const gateway = openRegistryGateway({
    registry: { forward },
    rules,
    maxBytes,
    annotations,
    onExported,
    signal,
  });
  gateway.open();
  const send = (content: number | string, method = "PATCH", target = uploads) => {
    const body = Readable.from([typeof content === "number" ? Buffer.alloc(content) : Buffer.from(content)]);
    const { authorization } = gateway;
    return gateway.handle({ method, target, headers: { authorization }, body }, signal);
  };
  return { gateway, send, exported };
}

test("an error of the registry that was overcome does not explain the failure of a buildpack", async () => {
  const { gateway, send } = gatewayOf(unavailable);
  await expect(send(10)).rejects.toBe(unavailable);
  await send(10);
  for (const exitCode of [20, 51]) {
    const exit = creatorFailure(exitCode, "builder");
    expect(gateway.failureOf(exit)).toBe(exit);
  }
  expect(gateway.failureOf(creatorFailure(62, "builder"))).toBe(unavailable);
});

test("the failure of a lifecycle whose requests all succeeded is that of its exit code", async () => {
  const { gateway, send } = gatewayOf();
  await send(10);
  const exit = creatorFailure(62, "builder");
  expect(gateway.failureOf(exit)).toBe(exit);
});

test.each([unavailable, { ...done, status: 500 }])(
  "an upload that failed with %o counts once",
  async (response) => {
    const { send } = gatewayOf(response);
    await send(60).catch(() => undefined);
    expect((await send(60)).status).toBe(202);
  },
);

test("an upload beyond the limit ends the build, also after failed ones", async () => {
  const { gateway, send } = gatewayOf(unavailable);
  await send(60).catch(() => undefined);
  await send(60);
  await expect(send(60)).rejects.toMatchObject({ code: "image-too-large" });
  expect((await send(1)).status).toBe(413);
  expect(gateway.failureOf(creatorFailure(62, "builder"))).toMatchObject({ code: "image-too-large" });
});

test("uploads that fail again and again end at three times the limit", async () => {
  const { send } = gatewayOf(unavailable, unavailable, unavailable, unavailable);
  for (let sent = 0; sent < 3; sent += 1) await expect(send(90)).rejects.toBe(unavailable);
  await expect(send(90)).rejects.toMatchObject({ code: "image-too-large" });
});

const manifest = "/v2/apps/one/manifests/x";
const created: HttpResponse = { status: 201, headers: {}, body: null };

test("an image is known as soon as the registry has accepted it, not its layers", async () => {
  const { send, exported } = gatewayWith(1000, [created, { ...created, status: 400 }, created]);
  const content = JSON.stringify({ config: { size: 2 }, layers: [{ size: 3 }, { size: 4 }] });
  await send(10, "PUT");
  await send(content, "PUT", manifest);
  expect(exported).toEqual([]);
  await send(content, "PUT", manifest);
  const digest = `sha256:${createHash("sha256").update(content).digest("hex")}`;
  expect(exported).toEqual([{ digest, sizeBytes: 9 }]);
});

test.each(["{", "null", "{}", '{"config":{},"layers":[{"size":1}]}', '{"config":{"size":1},"layers":[7]}'])(
  "the size of an image with the manifest %s is unknown",
  async (content) => {
    const { send, exported } = gatewayOf(created);
    await send(content, "PUT", manifest);
    expect(exported).toMatchObject([{ sizeBytes: null }]);
  },
);

test("an image that is too large with its base is refused", async () => {
  const { gateway, send, exported } = gatewayOf(created);
  const content = JSON.stringify({ config: { size: 1 }, layers: [{ size: 100 }] });
  expect((await send(content, "PUT", manifest)).status).toBe(413);
  expect(exported).toEqual([]);
  expect(gateway.failureOf(creatorFailure(62, "builder"))).toMatchObject({ code: "image-too-large" });
});

test("a manifest that no registry accepts is not read to its end", async () => {
  const { gateway, exported } = gatewayWith(1024 ** 3, [created]);
  let read = 0;
  async function* endless() {
    for (;;) {
      read += 1;
      yield Buffer.alloc(1024 ** 2);
    }
  }
  const { authorization } = gateway;
  const request = { method: "PUT", target: manifest, headers: { authorization }, body: endless() };
  expect((await gateway.handle(request, new AbortController().signal)).status).toBe(413);
  expect(read).toBe(5);
  expect(exported).toEqual([]);
});
