// An app whose builds alternate between two engines has the same files as after a build without any cache.

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { AppBody } from "@slipway/protocol";
import { lacksEngine, lacksPrivateEngine, packTarGz, startPrivateEngine } from "@slipway/testkit";
import type { AppUnderTest } from "../chaos/app-under-test.ts";
import { linesOf } from "../chaos/follower.ts";
import { SlipwayUnderTest } from "../chaos/slipway.ts";
import { reportStateOfFailed } from "../chaos/state.ts";
import { layeredApp, treeOf } from "../e2e/layered-app.ts";

const build = `node -e 'fs.writeFileSync("built", process.version)'`;
/** A build that changes its dependencies, as Prisma's generator does. */
const generate = `${build}; mkdir -p node_modules/.generated; echo 1 > node_modules/.generated/index.js; echo // >> node_modules/ms/index.js`;

const sources = {
  first: layeredApp("2.1.3", { scripts: { build } }),
  otherLock: layeredApp("2.0.0", { scripts: { build } }),
  otherNode: layeredApp("2.0.0", { scripts: { build }, node: "22.x" }),
  generating: layeredApp("2.0.0", { scripts: { build: generate } }),
  noBuild: layeredApp("2.0.0"),
};
type Name = keyof typeof sources;

describe.skipIf((await lacksEngine()) || (await lacksPrivateEngine()))("two workers on two engines", () => {
  const opened = new AsyncDisposableStack();
  /** The file trees of apps that were never deployed before. */
  let wholeTrees: Readonly<Record<string, readonly unknown[] | undefined>>;
  let slipway: SlipwayUnderTest;
  let [here, there, spare]: (AppUnderTest | undefined)[] = [];
  let running: Set<AppUnderTest>;
  beforeAll(async () => {
    const { dockerHost } = opened.use(await startPrivateEngine({ name: "layers" }));
    // Builds on the private engine cannot reach the npm registry: they install from the cache of the other engine's builds.
    const workers = [{ CONCURRENCY: "4" }, { DOCKER_HOST: dockerHost }, {}];
    slipway = opened.use(await SlipwayUnderTest.start({ workers, engines: [dockerHost] }));
    [here, there, spare] = slipway.workers;
    running = new Set(slipway.workers);
    await only(here);
    const names = Object.keys(sources) as Name[];
    const trees = await Promise.all(names.map(treeOfNewApp));
    wholeTrees = Object.fromEntries(names.map((name, at) => [name, trees[at]]));
  }, 400_000);
  afterAll(() => opened.disposeAsync());
  afterEach(({ task }) => reportStateOfFailed(task, slipway));

  test("an app that two engines build in turn has the same files as one that is built for the first time", async () => {
    const app = await slipway.createApp("turns");
    const steps: readonly (readonly [AppUnderTest | undefined, Name])[] = [
      [here, "first"],
      [there, "first"],
      [here, "otherLock"],
      [there, "generating"],
      [here, "otherLock"],
      [there, "otherNode"],
      [here, "noBuild"],
    ];
    for (const [worker, name] of steps) {
      await only(worker);
      await deploy(app, name);
      expect([name, await tree(app)]).toEqual([name, wholeTrees[name]]);
    }
    await only(here);
    await slipway.request("DELETE", `/v1/apps/${app.name}/caches/deployment`);
    await deploy(app, "first");
    expect(await tree(app)).toEqual(wholeTrees["first"]);
  }, 400_000);

  test("an app whose worker is killed in each phase in turn has all its files", async () => {
    await only(here, spare);
    const app = await slipway.createApp("killed");
    await deploy(app, "otherLock");
    await using follower = slipway.follow(app);
    const phases = [
      ["Installing dependencies", "first"],
      ["Running the script build", "otherLock"],
      ["Pushing the image", "first"],
      ["Process types", "otherLock"],
    ] as const;
    for (const [line, name] of phases) {
      const id = await slipway.deployFrom(app, await upload(name));
      await follower.until((frames) => linesOf(frames, id).some((text) => text.includes(line)));
      const worker = await slipway.workerOf(id);
      await worker.kill();
      await worker.start();
      expect(await slipway.ended(id)).toMatchObject({ status: "success" });
      expect([line, await tree(app)]).toEqual([line, wholeTrees[name]]);
    }
  }, 300_000);

  async function treeOfNewApp(name: Name): Promise<readonly unknown[]> {
    const app = await slipway.createApp("whole");
    await deploy(app, name);
    return tree(app);
  }

  /** Starts these workers and stops the others. */
  async function only(...workers: readonly (AppUnderTest | undefined)[]): Promise<void> {
    for (const worker of workers) {
      if (worker === undefined || running.has(worker)) continue;
      running.add(worker);
      await worker.start();
    }
    for (const other of [...running].filter((one) => !workers.includes(one))) {
      running.delete(other);
      await other.stop();
    }
  }

  async function deploy(app: AppBody, name: Name): Promise<void> {
    const id = await slipway.deployFrom(app, await upload(name));
    const { status } = await slipway.ended(id);
    const log = (await slipway.store.logs.read(id, 1, 1_000)).map(({ text }) => text).join("");
    expect({ status, log }).toMatchObject({ status: "success" });
  }

  async function upload(name: Name): Promise<string> {
    return slipway.api.upload(await packTarGz(sources[name]));
  }

  async function tree(app: AppBody): Promise<readonly unknown[]> {
    return treeOf(await slipway.page(app, "/tree"));
  }
});
