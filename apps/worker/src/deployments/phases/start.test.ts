import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { AppStore, Release, Scheduler, Store } from "@slipway/core";
import { leaseDeployment } from "@slipway/deployments";
import { openLogWriter } from "@slipway/logs";
import { aNewDeployment, aNewRelease, anApp, lacksRedis } from "@slipway/testkit";
import type { Attempt } from "../attempt.ts";
import { deploymentContext } from "../deployment-context.ts";
import type { Platform } from "../../platform.ts";
import { testPlatform } from "../../../test-support/test-context.ts";
import { resume, start } from "./start.ts";
import type { ImageFacts } from "./start.ts";

const image: ImageFacts = {
  image: "registry.example/apps/a:d",
  imageSizeBytes: 1,
  stackImage: "registry.example/stack:1",
};

describe.skipIf(await lacksRedis())("a worker that stands still while its release goes live", () => {
  let opened: AsyncDisposableStack;
  let store: Store;
  let common: Platform;
  let release: Release;
  let promoted: string[];

  beforeEach(async () => {
    opened = new AsyncDisposableStack();
    common = await testPlatform(opened);
    store = common.store;
    promoted = [];
    const app = anApp();
    await store.apps.create(app);
    const { id } = await store.deployments.create(aNewDeployment({ appId: app.id }));
    release = await store.releases.create(aNewRelease({ appId: app.id, deploymentId: id }));
  });
  afterEach(() => opened.disposeAsync());

  /** The second attempt sees the release through between two steps of the first. */
  test.each([
    "before it points the app at it",
    "after it read the app",
    "after it looked at its lease",
  ] as const)("%s: the app stays as the later attempt left it", async (when) => {
    const late = lateApps(store.apps, when, async () => {
      await resume(await attempt(2, store, 4002), release.id);
    });
    const first = await attempt(1, { ...store, apps: late }, 4001);
    await first.lease.changeStatus("pushing", 0);
    await expect(start(first, release, image)).rejects.toMatchObject({ code: "lease-lost" });
    expect((await store.apps.get(release.appId))?.targets).toEqual([{ host: "127.0.0.1", port: 4002 }]);
    expect(promoted).toEqual(["4002"]);
  });

  async function attempt(number: number, own: Store, port: number): Promise<Attempt> {
    const platform: Platform = { ...common, store: own, scheduler: scheduler(port) };
    const { appId, deploymentId } = release;
    const app = await store.apps.get(appId);
    const log = opened.use(
      await openLogWriter({ ...platform, appId, deploymentId, attempt: number, secrets: [] }),
    );
    const lease = await leaseDeployment(deploymentContext(platform), {
      deploymentId,
      attempt: number,
      lineCount: 0,
      previousGitRef: null,
    });
    if (app === null || lease === null) throw new Error("there is nothing to attempt");
    return { platform, lease, app, variables: {}, log, signal: new AbortController().signal };
  }

  /** Starts at once, on a port that tells who did. */
  function scheduler(port: number): Scheduler {
    const started: Pick<Scheduler, "start" | "promote" | "list"> = {
      start: async () => [{ host: "127.0.0.1", port }],
      promote: async () => {
        promoted.push(String(port));
        return [];
      },
      list: async () => [],
    };
    return started as Scheduler;
  }
});

/** Apps to which something happens once, at a moment of the first attempt's that no real pause can be made to hit. */
function lateApps(
  apps: AppStore,
  when: "before it points the app at it" | "after it read the app" | "after it looked at its lease",
  happen: () => Promise<void>,
): AppStore {
  let happened = false;
  const once = async () => {
    if (happened) return;
    happened = true;
    await happen();
  };
  const late: Pick<AppStore, "get" | "compareAndSet"> = {
    async get(id) {
      if (when === "before it points the app at it") await once();
      const found = await apps.get(id);
      if (when === "after it read the app") await once();
      return found;
    },
    async compareAndSet(next) {
      if (when === "after it looked at its lease") await once();
      return apps.compareAndSet(next);
    },
  };
  return { ...apps, ...late };
}
