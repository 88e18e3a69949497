// Start: the release runs beside the one that serves, and takes its place once it accepts connections. Needs the release.

import { changeApp, notFound } from "@slipway/core";
import type { Address, App, PushedImage, Release } from "@slipway/core";
import type { Attempt } from "../attempt.ts";
import type { Platform } from "../platform.ts";
import { rolloutOf } from "../rollout.ts";

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
  if (app.currentRolloutId !== releaseId) return startRelease(attempt, release);
  await promote(platform, app, releaseId);
}

async function startRelease(attempt: Attempt, release: Release): Promise<void> {
  const { platform, lease, app, log, signal } = attempt;
  const { scheduler } = platform;
  const { id: deploymentId, attempt: number } = lease.deployment;
  log.line("-----> Starting the app");
  const targets = await scheduler.start(
    rolloutOf(platform, app, release, {
      rolloutId: release.id,
      count: app.webCount,
      deploymentId,
      attempt: number,
    }),
    { onOutput: (bytes) => log.write(bytes), signal },
  );
  try {
    await lease.goLive(release.id);
  } catch (error) {
    await scheduler.discard(app.id, release.id, { attempt: number });
    throw error;
  }
  await putInService(platform, app, release.id, targets);
  if (targets.length === 0) log.line("       The app is scaled to 0: nothing of it runs");
  log.line(`-----> Release v${release.number} of ${app.name} is live`);
}

/** Points the app at the release and stops the former one; all of it may be repeated by a later attempt. */
async function putInService(
  platform: Platform,
  app: App,
  releaseId: string,
  targets: readonly Address[],
): Promise<void> {
  for (;;) {
    const stored = await platform.store.apps.get(app.id);
    if (stored === null) throw notFound("app");
    const facts = {
      currentReleaseId: releaseId,
      currentRolloutId: releaseId,
      targets,
      lastDeployedAt: platform.now(),
    };
    if (await platform.store.apps.compareAndSet(changeApp(stored, platform.now(), facts))) break;
  }
  await promote(platform, app, releaseId);
}

async function promote({ scheduler, config }: Platform, app: App, rolloutId: string): Promise<void> {
  await scheduler.promote(app.id, rolloutId, { graceMs: config.STOP_GRACE_MS, count: app.webCount });
}
