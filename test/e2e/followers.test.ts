// Followers that connect early, late or repeatedly receive every line and every status once and in order.

import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { packTarGz } from "@slipway/testkit";
import { answering, inlineApp } from "./apps.ts";
import {
  createApp,
  deploy,
  ended,
  follow,
  linesOf,
  output,
  requestApi,
  statusesOf,
  untilEnd,
} from "./slipway.ts";
import type { Frame } from "./slipway.ts";

const compile = "for i in $(seq 1 3000); do echo line $i; [ $((i % 300)) = 0 ] && sleep 0.1; done; true";
const statusesOfSuccess = ["queued", "building", "pushing", "starting", "success"];

test("early, late and returning followers receive the stored log", async () => {
  const app = await createApp("follow");
  const attached = Promise.withResolvers<void>();
  const refused = await deploy(app.name, Buffer.from("no archive"));
  const early = follow(app, (frames) => {
    if (untilEnd(refused.id)(frames)) attached.resolve();
    return frames.some(({ data }) => data.status === "success");
  });
  await attached.promise;
  const { id } = await deploy(app.name, await packTarGz(inlineApp(compile, answering("done"))));
  const brokenOff = await follow(app, (frames) => linesOf(frames, id).length >= 500);
  const returning = await follow(app, untilEnd(id));
  const earlyFrames = await early;
  expect((await ended(app.name, id)).status).toBe("success");
  const late = await follow(app, untilEnd(id));

  const stored = (await output(app.name, id)).trimEnd().split("\n");
  expect(stored.filter((line) => /^line \d+$/.test(line)).length).toBe(3000);
  for (const frames of [earlyFrames, returning, late]) {
    expect(linesOf(frames, id)).toEqual(stored);
    expect(statusesOf(frames, id)).toEqual(statusesOfSuccess);
  }
  const seenBefore = linesOf(brokenOff, id);
  expect(seenBefore).toEqual(stored.slice(0, seenBefore.length));
  expect(earlyFrames.find(({ type }) => type === "new")?.data.deployment).toBe(id);
});

test("followers that connect early and late receive lines while the build still runs", async () => {
  const app = await createApp("live");
  const { id } = await deploy(app.name, await packTarGz(inlineApp("echo begun; sleep 600", answering(""))));
  const isBegun = (frames: readonly Frame[]) => linesOf(frames, id).includes("begun");
  for (let connection = 0; connection < 2; connection += 1)
    expect(statusesOf(await follow(app, isBegun), id)).toEqual(["queued", "building"]);
  await requestApi("POST", `/v1/apps/${app.name}/deployments/${id}/abort`, {});
  expect((await ended(app.name, id)).status).toBe("aborted");
});

test("a socket without a valid token is closed with 1008, after the upgrade", async () => {
  const app = await createApp("closed");
  const socket = new WebSocket(app.links.deployments_stream);
  const code = await new Promise((resolve, reject) => {
    socket.on("error", reject);
    socket.on("open", () => socket.send(JSON.stringify({ type: "auth", data: { token: "tk-us-wrong" } })));
    socket.on("close", resolve);
  });
  expect(code).toBe(1008);
});
