import { describe, expect, test } from "vitest";
import type { Address, App } from "@slipway/core";
import { anApp, lacksRedis } from "@slipway/testkit";
import { openTestContext } from "../../test-support/test-context.ts";
import { observeApps } from "./observe.ts";

describe.skipIf(await lacksRedis())("observing apps", () => {
  test("only apps that changed on the engine are observed", async () => {
    await using observed = await observedApps(3);
    const { asked, engine, apps, observe } = observed;
    const [first, second] = apps;
    expect(await observe()).toEqual(apps.map(({ id }) => id).toSorted());
    expect(await observe()).toEqual([]);
    engine.set(first?.id ?? "", "restarted");
    expect(await observe()).toEqual([first?.id]);
    engine.delete(second?.id ?? "");
    expect(await observe()).toEqual([second?.id]);
    expect(await observe()).toEqual([]);
    expect(asked.length).toBe(5);
  });

  test("an app in service without an instance is observed after Redis lost its data", async () => {
    await using observed = await observedApps(2);
    const { engine, apps, observe, redis } = observed;
    await observe();
    const [gone] = apps;
    engine.delete(gone?.id ?? "");
    await redis.flushall();
    expect(await observe()).toEqual(apps.map(({ id }) => id).toSorted());
  });

  test("an app whose observation failed is observed again", async () => {
    await using observed = await observedApps(2);
    const { apps, observe, failing } = observed;
    const [first] = apps;
    failing.add(first?.id ?? "");
    await observe();
    expect(await observe()).toEqual([first?.id]);
    failing.clear();
    expect(await observe()).toEqual([first?.id]);
    expect(await observe()).toEqual([]);
  });
});

/** Apps in service, on an engine whose answers are scripted. `observe` returns the apps whose addresses were requested. */
async function observedApps(count: number) {
  const opened = new AsyncDisposableStack();
  const engine = new Map<string, string>();
  const failing = new Set<string>();
  const asked: string[] = [];
  const context = await openTestContext(opened, {
    fingerprints: async () => engine,
    addresses: async (appId: string): Promise<readonly Address[]> => {
      asked.push(appId);
      if (failing.has(appId)) throw new Error("the engine failed");
      return [];
    },
    instances: async () => [],
  });
  const apps: App[] = [];
  for (let index = 0; index < count; index += 1) {
    const app = anApp({ currentRolloutId: "rollout" });
    await context.store.apps.create(app);
    engine.set(app.id, "running");
    apps.push(app);
  }
  const observe = async () => {
    const before = asked.length;
    await observeApps(context);
    return asked.slice(before).toSorted();
  };
  const { redis } = context;
  return { asked, engine, apps, observe, failing, redis, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}
