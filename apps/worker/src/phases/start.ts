// Start: the release runs beside the one that serves, and takes its place once it accepts connections. Needs the release.

import { launchCommand, requireWeb, runEnvironment } from "@slipway/buildpacks";
import { changeApp, notFound } from "@slipway/core";
import type { Address, PushedImage, Release } from "@slipway/core";
import type { Attempt } from "../attempt.ts";
import type { Platform } from "../platform.ts";

export async function start(attempt: Attempt, release: Release, image: PushedImage): Promise<void> {
  await attempt.lease.change("starting", attempt.log.lastSeq, {
    image: image.reference,
    imageDigest: image.digest,
    imageSizeBytes: image.sizeBytes,
    stackImage: attempt.platform.config.STACK_IMAGE,
  });
  await startRelease(attempt, release);
}

/** An attempt died after its release had been chosen to serve: see it through. */
export async function resume(attempt: Attempt, releaseId: string): Promise<void> {
  const { platform, app } = attempt;
  const release = await platform.store.releases.get(releaseId);
  if (release === null) throw notFound("release");
  if (app.currentReleaseId !== releaseId) return startRelease(attempt, release);
  await platform.scheduler.promote(app.id, releaseId, { graceMs: platform.config.STOP_GRACE_MS });
}

async function startRelease(attempt: Attempt, release: Release): Promise<void> {
  const { platform, lease, app, log, signal } = attempt;
  const { config, scheduler } = platform;
  log.line("-----> Starting the app");
  const address = await scheduler.start(
    {
      appId: app.id,
      appName: app.name,
      releaseId: release.id,
      releaseNumber: release.number,
      deploymentId: lease.deployment.id,
      attempt: lease.deployment.attempt,
      image: release.image,
      command: launchCommand(requireWeb(release.processTypes)),
      processType: "web",
      environment: processEnvironment(attempt, release),
      limits: { memoryBytes: config.APP_MEMORY_MB, cpus: config.APP_CPUS, pids: config.APP_PIDS },
      bootTimeoutMs: config.BOOT_TIMEOUT_MS,
    },
    { onOutput: (bytes) => log.write(bytes), signal },
  );
  try {
    await lease.goLive(release.id);
  } catch (error) {
    await scheduler.discard(app.id, release.id);
    throw error;
  }
  await putInService(platform, app.id, release.id, address);
  log.line(`-----> Release v${release.number} of ${app.name} is live`);
}

/** Points the app at the release and stops the former one; all of it may be repeated by a later attempt. */
async function putInService(
  platform: Platform,
  appId: string,
  releaseId: string,
  address: Address,
): Promise<void> {
  for (;;) {
    const app = await platform.store.apps.get(appId);
    if (app === null) throw notFound("app");
    const facts = { currentReleaseId: releaseId, address, lastDeployedAt: platform.now() };
    if (await platform.store.apps.compareAndSet(changeApp(app, platform.now(), facts))) break;
  }
  await platform.scheduler.promote(appId, releaseId, { graceMs: platform.config.STOP_GRACE_MS });
}

function processEnvironment({ platform, app }: Attempt, release: Release): Readonly<Record<string, string>> {
  return runEnvironment({
    environment: release.environment,
    platform: {
      app: app.name,
      appId: app.id,
      stack: platform.config.STACK_IMAGE,
      region: platform.config.REGION_NAME,
      container: "web-1",
      containerVersion: release.number,
      hostname: `${app.name}-web-1`,
    },
  });
}
