// Starts the same Slipway as platform.ts once more, with all it keeps in MongoDB: an installation of its own beside the other.

import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { newInstallation, startMongo } from "@slipway/testkit";
import { ensureServices, startPlatformOn } from "./platform.ts";

export default async function startPlatform(project: TestProject): Promise<() => Promise<void>> {
  await using opened = new AsyncDisposableStack();
  const mongo = opened.use(await startMongo());
  const services = await ensureServices();
  const dataDir = join(services.DATA_DIR, "mongo");
  opened.defer(() => rm(dataDir, { recursive: true, force: true }));
  // Its containers carry its own label; Redis, registry, images and secrets it shares.
  const installation = opened.use(newInstallation());
  const environment = { ...services, DATA_DIR: dataDir, INSTALLATION_ID: installation.id };
  opened.defer(await startPlatformOn({ ...environment, DATABASE_URL: mongo.url }, project));
  const all = opened.move();
  return () => all.disposeAsync();
}
