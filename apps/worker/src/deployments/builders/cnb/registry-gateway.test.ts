import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { creatorFailure } from "@slipway/buildpacks";
import { SlipwayError } from "@slipway/core";
import type { HttpRequest, HttpResponse } from "@slipway/core";
import { expect, test } from "vitest";
import { openRegistryGateway } from "./registry-gateway.ts";

const done: HttpResponse = { status: 202, headers: {}, body: null };
const unavailable = new SlipwayError("registry-unavailable", "the registry answered with status 502");
const uploads = "/v2/apps/one/blobs/uploads/1";

/** A registry that reads each upload, and sends these responses to the first requests. */
function gatewayOf(...responses: readonly (SlipwayError | HttpResponse)[]) {
  const left = [...responses];
  const forward = async ({ body }: HttpRequest): Promise<HttpResponse> => {
    if (body !== null) await buffer(body);
    const response = left.shift() ?? done;
    if (response instanceof Error) throw response;
    return response;
  };
  const { signal } = new AbortController();
  const rules = { repository: "apps/one", tag: "x", readable: [] };
  const exported: string[] = [];
  const onExported = (digest: string) => void exported.push(digest);
  const gateway = openRegistryGateway({ registry: { forward }, rules, maxBytes: 100, onExported, signal });
  gateway.open();
  const send = (sizeBytes: number, method = "PATCH", target = uploads) => {
    const body = Readable.from([Buffer.alloc(sizeBytes)]);
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

test("an image is known as soon as the registry has accepted it, not its layers", async () => {
  const accepted = { status: 201, headers: { "docker-content-digest": "sha256:1" }, body: null };
  const { send, exported } = gatewayOf(accepted, { ...accepted, status: 400 }, accepted);
  await send(10, "PUT");
  await send(10, "PUT", "/v2/apps/one/manifests/x");
  expect(exported).toEqual([]);
  await send(10, "PUT", "/v2/apps/one/manifests/x");
  expect(exported).toEqual(["sha256:1"]);
});
