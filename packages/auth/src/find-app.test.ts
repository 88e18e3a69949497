import { randomUUID } from "node:crypto";
import { newApp } from "@slipway/core";
import type { App } from "@slipway/core";
import { expect, test } from "vitest";
import { findApp } from "./find-app.ts";

const createdAt = new Date("2026-01-02T03:04:05.000Z");

function anApp({ name = "app" } = {}): App {
  return newApp({ id: randomUUID(), name, ownerId: randomUUID(), createdAt });
}

/** @param reads receives each read of the store. */
function storeOf(apps: readonly App[], reads: string[] = []) {
  return {
    async get(id: string) {
      reads.push(`id ${id}`);
      return apps.find((app) => app.id === id) ?? null;
    },
    async byName(name: string) {
      reads.push(`name ${name}`);
      return apps.find((app) => app.name === name && app.deletedAt === null) ?? null;
    },
  };
}

test("an app is found by its id and by its name, and a name that is no id costs one read", async () => {
  const app = anApp({ name: "shop" });
  const reads: string[] = [];
  const store = storeOf([app], reads);
  expect(await findApp(store, app.id)).toBe(app);
  expect(await findApp(store, "shop")).toBe(app);
  expect(await findApp(store, "other")).toBeNull();
  expect(reads).toEqual([`id ${app.id}`, "name shop", "name other"]);
});

test("an app that is named after another one's id does not receive its requests", async () => {
  const app = anApp();
  const disguised = { ...anApp(), name: app.id };
  expect(await findApp(storeOf([disguised, app]), app.id)).toBe(app);
  expect(await findApp(storeOf([disguised, { ...app, deletedAt: createdAt }]), app.id)).toBe(disguised);
});
