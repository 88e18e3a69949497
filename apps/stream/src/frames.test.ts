import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";
import { expect, test } from "vitest";
import { aNewDeployment, testTime } from "@slipway/testkit";
import { queuedDeployment } from "@slipway/core";
import type { FollowEvent } from "@slipway/logs";
import { framesOf, pingFrames, textFrames } from "./frames.ts";

const scalingo = { origin: undefined, rewinds: false };
const deployment = queuedDeployment(aNewDeployment({ id: "d-1" }), 1);

test("a client reads payloads of every size unchanged, one per frame", async () => {
  const texts = [1, 125, 126, 65_535, 65_536, 200_000].map((length) => "x".repeat(length));
  expect(await payloads(textFrames([...texts, "€🚢\ufffd"]))).toEqual([...texts, "€🚢\ufffd"]);
});

test("each line is one frame of valid JSON", async () => {
  const batch = { firstSeq: 1, lineCount: 3, text: 'one "two"\n\n\x1b[31mthree' };
  const frames = await payloads(framesOf({ type: "log", deploymentId: "d-1", batch }, scalingo));
  expect(frames.map((frame) => JSON.parse(frame) as unknown)).toEqual([
    { type: "log", id: "d-1", data: { content: 'one "two"' } },
    { type: "log", id: "d-1", data: { content: "" } },
    { type: "log", id: "d-1", data: { content: "\x1b[31mthree" } },
  ]);
});

test("a client that handles rewinds gets a frame, any other a line of text", async () => {
  const event: FollowEvent = { type: "rewind", deploymentId: "d-1", afterSeq: 3, lineCount: 2 };
  const [frame] = await payloads(framesOf(event, { ...scalingo, rewinds: true }));
  expect(JSON.parse(frame ?? "")).toEqual({ type: "rewind", id: "d-1", data: { afterSeq: 3 } });
  const [line] = await payloads(framesOf(event, scalingo));
  expect(JSON.parse(line ?? "")).toMatchObject({
    type: "log",
    data: { content: expect.stringContaining("the last 2 lines are replaced") },
  });
});

test("the frames of a batch are encoded once", () => {
  const event: FollowEvent = {
    type: "log",
    deploymentId: "d-1",
    batch: { firstSeq: 1, lineCount: 1, text: "a" },
  };
  expect(framesOf(event, scalingo)).toBe(framesOf(event, { ...scalingo, origin: "http://example.com" }));
});

test.each([
  ["http://scalingo-cli.local", { id: "d-1", pusher: deployment.pusher }],
  ["http://scalingo-cli.local;1.2.3", { id: "d-1", pusher: deployment.pusher }],
  ["http://example.com", "d-1"],
  [undefined, "d-1"],
])("a new frame carries what clients with the Origin %s expect", async (origin, shown) => {
  const [frame] = await payloads(framesOf({ type: "new", deployment }, { ...scalingo, origin }));
  expect(JSON.parse(frame ?? "")).toEqual({ type: "new", data: { deployment: shown } });
});

test("a ping carries the time in seconds", async () => {
  const [frame] = await payloads(pingFrames(testTime));
  expect(JSON.parse(frame ?? "")).toEqual({
    type: "ping",
    data: { ts: Math.floor(testTime.getTime() / 1000) },
  });
});

/** The payloads a client receives when these bytes are written to its socket. */
async function payloads(frames: Buffer): Promise<string[]> {
  const server = new WebSocketServer({ port: 0, perMessageDeflate: false });
  server.on("connection", (webSocket, request) => {
    request.socket.write(frames);
    webSocket.close();
  });
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const client = new WebSocket(`ws://127.0.0.1:${port}`);
  const received: string[] = [];
  client.on("message", (data: Buffer) => received.push(data.toString()));
  await once(client, "close");
  server.close();
  return received;
}
