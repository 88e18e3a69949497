// Starts the same Slipway as platform.ts once more, with all it keeps in MongoDB: an installation of its own beside the other.

import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { startMongo } from "@slipway/testkit";
import { openInstallation } from "../../scripts/setup/installation.ts";
import { tearDown } from "../../scripts/setup/teardown.ts";
import { ensureServices, say, startPlatformOn } from "./platform.ts";

export default async function startPlatform(project: TestProject): Promise<() => Promise<void>> {
  await using opened = new AsyncDisposableStack();
  const mongo = opened.use(await startMongo());
  const services = await ensureServices();
  const dataDir = join(services.DATA_DIR, "mongo");
  const installation = await openInstallation(dataDir, services.BOOTSTRAP_TOKEN, say);
  // Its containers carry its own label; Redis, registry and images it shares.
  opened.defer(() => tearDown({ dataDir, deleteData: true, say }));
  const environment = { ...services, DATA_DIR: dataDir, INSTALLATION_ID: installation.id };
  opened.defer(await startPlatformOn({ ...environment, DATABASE_URL: mongo.url }, project));
  const all = opened.move();
  return () => all.disposeAsync();
}
