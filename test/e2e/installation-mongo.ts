// Starts a second installation of the same Slipway as installation.ts, with its state in MongoDB.

import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { newInstallation, startMongo } from "@slipway/testkit";
import { ensureServices, startProcesses } from "./installation.ts";

export default async function startInstallation(project: TestProject): Promise<() => Promise<void>> {
  await using opened = new AsyncDisposableStack();
  const mongo = opened.use(await startMongo());
  const services = await ensureServices();
  const dataDir = join(services.DATA_DIR, "mongo");
  opened.defer(() => rm(dataDir, { recursive: true, force: true }));
  // The second installation's containers have their own label. It shares Redis, registry, images and secrets.
  const installation = opened.use(newInstallation());
  const { REDIS_URL: anyUser } = services;
  const environment = {
    ...services,
    DATA_DIR: dataDir,
    INSTALLATION_ID: installation.id,
    // The Redis users that set-up created may read only the keys of the other installation.
    REDIS_URL_STREAM: anyUser,
    REDIS_URL_ROUTER: anyUser,
  };
  opened.defer(await startProcesses({ ...environment, DATABASE_URL: mongo.url }, project));
  const all = opened.move();
  return () => all.disposeAsync();
}
