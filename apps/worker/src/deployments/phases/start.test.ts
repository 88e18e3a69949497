import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { AppStore, Release, Scheduler, Store } from "@slipway/core";
import { leaseDeployment } from "@slipway/deployments";
import { openLogWriter } from "@slipway/logs";
import { aNewDeployment, aNewRelease, anApp, lacksRedis } from "@slipway/testkit";
import type { Attempt } from "../attempt.ts";
import { deploymentPorts } from "../deployment-ports.ts";
import { openTestContext } from "../../../test-support/test-context.ts";
import type { TestContext } from "../../../test-support/test-context.ts";
import { resume, start } from "./start.ts";
import type { ImageFacts } from "./start.ts";

const image: ImageFacts = {
  image: "registry.example/apps/a:d",
  imageSizeBytes: 1,
  stackImage: "registry.example/stack:1",
};

type ScriptedMethod = "start" | "promote" | "list" | "instances" | "run" | "discard";

describe.skipIf(await lacksRedis())("a worker that freezes while its release goes live", () => {
  let opened: AsyncDisposableStack;
  let store: Store;
  let common: TestContext;
  let release: Release;
  let promoted: string[];

  beforeEach(async () => {
    opened = new AsyncDisposableStack();
    common = await openTestContext(opened, {});
    store = common.store;
    promoted = [];
    const app = anApp();
    await store.apps.create(app);
    const { id } = await store.deployments.create(aNewDeployment({ appId: app.id }));
    release = await store.releases.create(aNewRelease({ appId: app.id, deploymentId: id }));
  });
  afterEach(() => opened.disposeAsync());

  /** The second attempt puts the release into service between two steps of the first. */
  test.each(["before reading the app", "after reading the app", "after checking its lease"] as const)(
    "an attempt that freezes %s does not change what a later attempt stored in the app",
    async (when) => {
      const late = lateApps(store.apps, when, async () => {
        const { context, attempt } = await openAttempt(2, store, 4002);
        await resume(context, attempt, release.id);
      });
      const { context, attempt } = await openAttempt(1, { ...store, apps: late }, 4001);
      await attempt.lease.changeStatus("pushing", 0);
      await expect(start(context, attempt, release, image)).rejects.toMatchObject({ code: "lease-lost" });
      expect((await store.apps.get(release.appId))?.targets).toEqual([{ host: "127.0.0.1", port: 4002 }]);
      expect(promoted).toEqual(["4002"]);
    },
  );

  async function openAttempt(number: number, own: Store, port: number) {
    const engine = { removeSandboxes: async () => 0 };
    const context = { ...common, store: own, scheduler: scheduler(port), engine };
    const { appId, deploymentId } = release;
    const app = await store.apps.get(appId);
    const log = opened.use(
      await openLogWriter({ ...context, bus: context, appId, deploymentId, attempt: number, secrets: [] }),
    );
    const lease = await leaseDeployment(deploymentPorts(context), {
      deploymentId,
      attempt: number,
      lineCount: 0,
      previousGitRef: null,
    });
    if (app === null || lease === null) throw new Error("the app and its deployment must be stored first");
    const { signal } = new AbortController();
    const attempt: Attempt = { lease, app, variables: {}, runVariables: {}, registryAuth: "", log, signal };
    return { context, attempt };
  }

  /** Starts rollouts at once. The port identifies the attempt. */
  function scheduler(port: number): Pick<Scheduler, ScriptedMethod> {
    const unused = () => Promise.reject(new Error("the test does not expect this call"));
    return {
      start: async () => [{ host: "127.0.0.1", port }],
      promote: async () => {
        promoted.push(String(port));
        return [];
      },
      list: async () => [],
      instances: async () => [],
      run: unused,
      discard: unused,
    };
  }
});

/** Calls `happen` once, between two steps of the first attempt. No real pause could be timed to occur there. */
function lateApps(
  apps: AppStore,
  when: "before reading the app" | "after reading the app" | "after checking its lease",
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
      if (when === "before reading the app") await once();
      const found = await apps.get(id);
      if (when === "after reading the app") await once();
      return found;
    },
    async compareAndSet(next) {
      if (when === "after checking its lease") await once();
      return apps.compareAndSet(next);
    },
  };
  return { ...apps, ...late };
}
