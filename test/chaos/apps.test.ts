// Actions of users during builds: they delete the app or its cache, deploy many apps at once, read slowly.

import { zstdCompressSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { cacheBlobPrefix, label } from "@slipway/core";
import { eventually, lacksEngine, packTar } from "@slipway/testkit";
import { answering, inlineApp } from "../e2e/apps.ts";
import { linesOf, statusesOf } from "./follower.ts";
import { settled, steps } from "./scenario.ts";
import type { SlipwayUnderTest } from "./slipway.ts";
import { useSlipway } from "./use-slipway.ts";

const cachingCompile = 'if [ -e "$2/seen" ]; then echo cache found; else echo no cache; fi; touch "$2/seen"';

let slipway: SlipwayUnderTest;

describe.skipIf(await lacksEngine())("apps", () => {
  useSlipway({ workers: [{ CONCURRENCY: "2" }, { CONCURRENCY: "2" }] }, (started) => {
    slipway = started;
  });

  describe.concurrent("while one is built", () => {
    test("an app is deleted while it is built: the build ends and nothing of the app is left", async () => {
      const app = await slipway.createApp("deleted");
      await using follower = slipway.follow(app);
      const first = await slipway.deploy(app, inlineApp(cachingCompile, answering("first")));
      await slipway.ended(first);
      expect(await slipway.blobKeys(cacheBlobPrefix(app.id))).not.toEqual([]);
      const id = await slipway.deploy(app, inlineApp(steps(100), answering("never")));
      const waiting = await slipway.deploy(app, inlineApp("true", answering("never")));
      await follower.until((frames) => linesOf(frames, id).includes("step 3 of 100"));
      const answer = await slipway.request("DELETE", `/v1/apps/${app.name}?current_name=${app.name}`);
      expect(answer.status).toBe(204);
      await follower.until((frames) =>
        [id, waiting].every((one) => statusesOf(frames, one).at(-1) === "aborted"),
      );
      await eventually(async () => (await slipway.store.apps.get(app.id)) === null);
      const { engines, store } = slipway;
      const filters = { label: [`${label.app}=${app.id}`] };
      expect(await engines[0]?.listContainers({ all: true, filters })).toEqual([]);
      expect(await Promise.all([first, id, waiting].map((one) => store.deployments.get(one)))).toEqual([
        null,
        null,
        null,
      ]);
      expect(await slipway.blobKeys(cacheBlobPrefix(app.id))).toEqual([]);
    });

    test("a build cache is deleted during a build: what that build saves is not used either", async () => {
      const app = await slipway.createApp("cache");
      await using follower = slipway.follow(app);
      const build = inlineApp(`${cachingCompile}; ${steps(5)}`, answering("cached"));
      const first = await slipway.deploy(app, build);
      await follower.until((frames) => linesOf(frames, first).includes("step 2 of 5"));
      expect((await slipway.request("DELETE", `/v1/apps/${app.name}/caches/deployment`)).status).toBe(204);
      const second = await slipway.deploy(app, build);
      const third = await slipway.deploy(app, build);
      await settled(slipway, app, [first, second, third], [follower]);
      const found = [first, second, third].map((id) =>
        linesOf(follower.latest, id).filter((line) => line.endsWith("cache") || line === "cache found"),
      );
      expect(found).toEqual([["no cache"], ["no cache"], ["cache found"]]);
    });

    test("a build cache cannot be restored: the same attempt builds without it", async () => {
      const app = await slipway.createApp("bad-cache");
      await using follower = slipway.follow(app);
      const build = inlineApp(cachingCompile, answering("built"));
      await slipway.ended(await slipway.deploy(app, build));
      const linkOut = { kind: "symlink", target: "../../etc" } as const;
      const bad = await packTar({ "cache/": "", "cache/seen": "", "cache/z": linkOut });
      await slipway.overwriteBlobs(cacheBlobPrefix(app.id), zstdCompressSync(bad));
      const second = await slipway.deploy(app, build);
      const third = await slipway.deploy(app, build);
      const ended = await settled(slipway, app, [second, third], [follower]);
      expect(ended).toMatchObject([
        { status: "success", attempt: 1 },
        { status: "success", attempt: 1 },
      ]);
      expect(linesOf(follower.latest, second).join("\n")).toMatch(
        /The build cache is deleted, and this build begins again without it: .*\n(.*\n)*no cache/,
      );
      expect(linesOf(follower.latest, third)).toContain("cache found");
    });

    test("a follower that reads nothing during a build receives all of its log in the end", async () => {
      const app = await slipway.createApp("slow");
      await using slow = slipway.follow(app);
      await using quick = slipway.follow(app);
      const count = 200_000;
      const compile = `echo begin; sleep 1; seq -f 'line %.0f of a log that is far more than a socket holds' 1 ${count}`;
      const id = await slipway.deploy(app, inlineApp(compile, answering("read")));
      await slow.until((frames) => linesOf(frames, id).includes("begin"));
      slow.pause();
      await slipway.ended(id);
      expect(linesOf(slow.latest, id).length).toBeLessThan(count);
      slow.resume();
      await settled(slipway, app, [id], [slow, quick]);
      expect(linesOf(slow.latest, id).filter((line) => line.startsWith("line "))).toHaveLength(count);
      expect(slow.connections).toHaveLength(1);
    });
  });

  test("twenty apps are deployed at once and one of two workers is killed: all are built", async () => {
    const files = inlineApp("echo built", answering("one of many"));
    const apps = await Promise.all(Array.from({ length: 20 }, (_, at) => slipway.createApp(`many-${at}`)));
    const ids = await Promise.all(apps.map((app) => slipway.deploy(app, files)));
    await slipway.ended(ids[0] ?? "");
    const [worker] = slipway.workers;
    await worker?.kill();
    await worker?.start();
    for (const [at, app] of apps.entries()) {
      const [deployment] = await settled(slipway, app, [ids[at] ?? ""], []);
      expect(deployment?.status).toBe("success");
    }
  });
});
