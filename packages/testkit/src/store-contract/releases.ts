// What the store promises about releases.

import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { aNewRelease } from "../fixtures.ts";
import type { StoreUnderTest } from "./under-test.ts";

export function releasesContract(underTest: StoreUnderTest): void {
  storedReleases(underTest);
  createdReleases(underTest);
}

function storedReleases(underTest: StoreUnderTest): void {
  const { store, other } = underTest;
  const { numbers } = actionsOn(underTest);

  describe("releases", () => {
    test("releases are numbered from 1 in each app, and found by id as they were stored", async () => {
      const request = aNewRelease({
        gitRef: null,
        processTypes: { web: "npm start", "worker-2": "node jobs.js --queue '🚢'" },
        imageStart: { command: ["/bin/app", "an argument"], port: 3000 },
        defaults: { NODE_ENV: "production", EMPTY: "" },
        environment: { GREETING: "grüß\nGott", EMPTY: "", ["__proto__"]: "a name like any other" },
      });
      const release = await store().releases.create(request);
      expect(release).toEqual({ ...request, number: 1 });
      const stored = await other().releases.get(release.id);
      expect(stored).toEqual(release);
      expect(Object.keys(stored?.environment ?? {}).sort()).toEqual(["EMPTY", "GREETING", "__proto__"]);
      expect(await store().releases.get(randomUUID())).toBeNull();
    });

    test("a release is found by its number in the app", async () => {
      const appId = randomUUID();
      await store().releases.create(aNewRelease({ appId }));
      const second = await store().releases.create(aNewRelease({ appId }));
      expect(await other().releases.byNumber(appId, 2)).toEqual(second);
      expect(await store().releases.byNumber(appId, 3)).toBeNull();
      expect(await store().releases.byNumber(randomUUID(), 1)).toBeNull();
    });

    test("an app's releases are listed newest first, up to the limit", async () => {
      const appId = randomUUID();
      for (let made = 0; made < 4; made += 1) await store().releases.create(aNewRelease({ appId }));
      expect(await numbers(appId)).toEqual([4, 3, 2, 1]);
      expect(await numbers(appId, 2)).toEqual([4, 3]);
      expect(await numbers(randomUUID())).toEqual([]);
    });
  });
}

function createdReleases(underTest: StoreUnderTest): void {
  const { store, other } = underTest;
  const { numbers } = actionsOn(underTest);

  describe("creating and removing releases", () => {
    test("a deployment has one release, however often it is created", async () => {
      const [appId, deploymentId] = [randomUUID(), randomUUID()];
      const first = await store().releases.create(aNewRelease({ appId, deploymentId }));
      const again = await other().releases.create(aNewRelease({ appId, deploymentId, image: "another" }));
      expect(again).toEqual(first);
      expect(await numbers(appId)).toEqual([1]);
    });

    test("concurrently created releases have a number each", async () => {
      const appId = randomUUID();
      const creates = Array.from({ length: 20 }, (_, index) =>
        (index % 2 === 0 ? store() : other()).releases.create(aNewRelease({ appId })),
      );
      const given = (await Promise.all(creates)).map((release) => release.number);
      expect(given.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
    });

    test("releases are removed with their deployments, and no others", async () => {
      const appId = randomUUID();
      const made = [];
      for (const _ of [1, 2, 3]) made.push(await store().releases.create(aNewRelease({ appId })));
      const deploymentIds = made.slice(0, 2).map(({ deploymentId }) => deploymentId);
      await store().releases.removeOfDeployments([...deploymentIds, randomUUID()]);
      expect(await numbers(appId)).toEqual([3]);
      await store().releases.removeOfDeployments([]);
      expect(await numbers(appId)).toEqual([3]);
    });

    test("releases are removed with their app, and no others", async () => {
      const [gone, kept] = [aNewRelease(), aNewRelease()];
      for (const release of [gone, kept]) await store().releases.create(release);
      await store().releases.removeOfApp(gone.appId);
      expect(await numbers(gone.appId)).toEqual([]);
      expect(await numbers(kept.appId)).toEqual([1]);
    });
  });
}

/** Calls that the tests of this file share. */
function actionsOn({ store }: StoreUnderTest) {
  const numbers = async (appId: string, limit = 100) =>
    (await store().releases.ofApp(appId, limit)).map((release) => release.number);
  return { numbers };
}
