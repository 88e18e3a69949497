// What the store promises about connections: each sees the others' writes at once, data outlives them, a closed one fails.

import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import {
  aLogChunk,
  anOperation,
  aNewDeployment,
  aNewRelease,
  aSource,
  aUser,
  aVariable,
  anApp,
} from "../fixtures.ts";
import type { StoreUnderTest } from "./under-test.ts";

export function sharingContract(underTest: StoreUnderTest): void {
  sharedData(underTest);
  closedConnections(underTest);
}

function sharedData({ store, other, open }: StoreUnderTest): void {
  describe("connections", () => {
    test("a connection sees at once what another wrote", async () => {
      const app = anApp();
      await store().apps.create(app);
      expect(await other().apps.byName(app.name)).toEqual(app);
      await other().apps.remove(app.id);
      expect(await store().apps.get(app.id)).toBeNull();
    });

    test("what a connection wrote outlives it", async () => {
      const [app, user, source, variable] = [anApp(), aUser(), aSource(), aVariable()];
      const [request, release, chunk] = [aNewDeployment(), aNewRelease(), aLogChunk()];
      const operation = anOperation();
      const first = await open();
      await first.users.create(user);
      await first.apps.create(app);
      await first.sources.create(source);
      await first.variables.set(variable.appId, [variable]);
      const deployment = await first.deployments.create(request);
      const numbered = await first.releases.create(release);
      await first.operations.create(operation);
      await first.logs.append(chunk);
      await first[Symbol.asyncDispose]();

      await using second = await open();
      expect(await second.users.get(user.id)).toEqual(user);
      expect(await second.apps.get(app.id)).toEqual(app);
      expect(await second.sources.get(source.id)).toEqual(source);
      expect(await second.variables.list(variable.appId)).toEqual([variable]);
      expect(await second.deployments.get(request.id)).toEqual(deployment);
      expect(await second.releases.get(release.id)).toEqual(numbered);
      expect(await second.operations.get(operation.id)).toEqual(operation);
      expect(await second.logs.read(chunk.deploymentId, 1, 10)).toEqual([chunk]);
    });
  });
}

function closedConnections({ store, other, open }: StoreUnderTest): void {
  describe("closing connections", () => {
    test("a closing connection completes its pending calls, then fails with store-unavailable", async () => {
      const closing = await open();
      const app = anApp();
      const underWay = closing.apps.create(app);
      await closing[Symbol.asyncDispose]();
      await underWay;
      expect(await store().apps.get(app.id)).toEqual(app);
      const unavailable = { code: "store-unavailable" };
      await expect(closing.apps.get(app.id)).rejects.toMatchObject(unavailable);
      await expect(closing.apps.create(anApp())).rejects.toMatchObject(unavailable);
      await expect(closing.ping()).rejects.toMatchObject(unavailable);
      await closing[Symbol.asyncDispose]();
    });

    test("a store answers a ping", async () => {
      await expect(store().ping()).resolves.toBeUndefined();
    });

    test("a store handles a hundred concurrent calls of all kinds", async () => {
      const appId = randomUUID();
      const calls = Array.from({ length: 25 }, (_, index) => [
        store().deployments.create(aNewDeployment({ appId })),
        other().logs.append(aLogChunk({ deploymentId: appId, firstSeq: index + 1 })),
        store().deployments.lane(appId, 100),
        other().variables.set(appId, [aVariable({ appId, name: `V${index}` })]),
      ]);
      await Promise.all(calls.flat());
      expect(await store().deployments.lane(appId, 100)).toHaveLength(25);
      expect(await store().logs.lastSeq(appId)).toBe(25);
      expect(await store().variables.list(appId)).toHaveLength(25);
    });
  });
}
