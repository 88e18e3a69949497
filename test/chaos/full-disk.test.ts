// Full disks: accepted work survives, new work is rejected with the reason, and no process ends.

import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { join } from "node:path";
import { sourceAnswer } from "@slipway/protocol";
import { isRoot } from "@slipway/setup";
import { eventually, lacksEngine, packTarGz } from "@slipway/testkit";
import { answering, inlineApp } from "../e2e/apps.ts";
import { linesOf } from "./follower.ts";
import { startRegistry } from "./registry.ts";
import { settled, steps } from "./scenario.ts";
import { SlipwayUnderTest } from "./slipway.ts";
import { mountSmallDisk } from "./small-disk.ts";
import { reportStateOfFailed } from "./state.ts";

const reason = "disk is full";

describe.skipIf((await lacksEngine()) || !isRoot())("a full disk", () => {
  let opened: AsyncDisposableStack;
  let slipway: SlipwayUnderTest;
  beforeEach(() => {
    opened = new AsyncDisposableStack();
  });
  afterEach(async ({ task }) => {
    await using _ = opened;
    await reportStateOfFailed(task, slipway);
  });

  test("a full disk of database, blobs and Redis refuses uploads, and accepted deployments succeed once there is space", async () => {
    const disk = opened.use(await mountSmallDisk(64));
    slipway = opened.use(await SlipwayUnderTest.start({ workers: [{}, {}], dataDir: disk.folder }));
    const pids = slipway.processes.map(({ pid }) => pid);
    const app = await slipway.createApp("full");
    await using follower = slipway.follow(app);
    const url = await slipway.api.upload(await packTarGz(inlineApp("true", answering("uploaded"))));
    const { source } = await slipway.api.send("POST", "/sources", {}, sourceAnswer);
    const running = await slipway.deploy(app, inlineApp(steps(40), answering("running")));
    const waiting = await slipway.deploy(app, inlineApp("true", answering("waiting")));
    await follower.until((frames) => linesOf(frames, running).includes("step 3 of 40"));
    await disk.fill();

    const upload = await put(source.upload_url);
    expect(upload.status).toBe(503);
    expect(upload.text).toContain(reason);
    const path = `/v1/apps/${app.name}/deployments`;
    const body = { deployment: { source_url: url, git_ref: "full" } };
    const posted = await slipway.request("POST", path, body);
    const answer = await posted.text();
    // SQLite may still have free space in its file.
    expect([201, 503]).toContain(posted.status);
    expect(posted.status === 201 || answer.includes(reason)).toBe(true);
    expect((await slipway.request("GET", path)).status).toBe(200);
    await disk.free();

    const accepted =
      posted.status === 201 ? [(JSON.parse(answer) as { deployment: { id: string } }).deployment.id] : [];
    const ids = [running, waiting, ...accepted];
    const ended = await settled(slipway, app, ids, [follower]);
    expect(ended.map(({ status }) => status)).toEqual(ids.map(() => "success"));
    const stored = await slipway.store.deployments.list(app.id, { page: 1, perPage: 10 });
    expect(stored.deployments.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    expect((await put(source.upload_url)).status).toBe(200);
    expect(slipway.processes.map(({ pid }) => pid)).toEqual(pids);
    using database = new DatabaseSync(join(disk.folder, "slipway.db"), { readOnly: true });
    expect(database.prepare("PRAGMA integrity_check").all()).toEqual([{ integrity_check: "ok" }]);
  });

  test("a full disk of the registry fails the attempt as the platform's error, and the next attempt succeeds once there is space", async () => {
    const environment = inject("environment");
    const disk = opened.use(await mountSmallDisk(64, join(environment.DATA_DIR, "registry", "storage")));
    const registry = opened.use(await startRegistry(environment, disk.folder));
    slipway = opened.use(await SlipwayUnderTest.start({ workers: [{}], registryUrl: registry.url }));
    const app = await slipway.createApp("full");
    await using follower = slipway.follow(app);
    await disk.fill();
    const id = await slipway.deploy(app, inlineApp("true", answering("pushed")));
    const failed = "The platform failed";
    await follower.until((frames) => linesOf(frames, id).some((line) => line.includes(failed)));
    await disk.free();
    const [ended] = await settled(slipway, app, [id], [follower]);
    expect(ended?.status).toBe("success");
    const log = linesOf(follower.latest, id).join("\n");
    expect(log).toContain("registry");
    await eventually(async () => (await slipway.page(app)) === "pushed");
  });
});

async function put(url: string): Promise<{ readonly status: number; readonly text: string }> {
  const body = new Uint8Array(await packTarGz(inlineApp("true", answering("refused"))));
  const headers = { "content-type": "application/gzip" };
  const response = await fetch(url, { method: "PUT", body, headers });
  return { status: response.status, text: await response.text() };
}
