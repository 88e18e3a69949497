// Start: the release runs beside the one that serves, and takes its place once it accepts connections. Needs the release.

import { changeApp, notFound } from "@slipway/core";
import type { Address, PushedImage, Release } from "@slipway/core";
import type { Attempt } from "../attempt.ts";
import { rolloutOf } from "../rollout.ts";

export async function start(attempt: Attempt, release: Release, image: PushedImage): Promise<void> {
  await attempt.lease.change("starting", attempt.log.lastSeq, {
    image: image.reference,
    // The release's: an attempt that died may have made it, of another build's image.
    imageDigest: release.image.slice(release.image.lastIndexOf("@") + 1),
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
  await promote(attempt, releaseId);
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
  await putInService(attempt, release.id, targets);
  if (targets.length === 0) log.line("       The app is scaled to 0: nothing of it runs");
  log.line(`-----> Release v${release.number} of ${app.name} is live`);
}

/** Points the app at the release and stops the former one; all of it may be repeated by a later attempt. */
async function putInService(attempt: Attempt, releaseId: string, targets: readonly Address[]): Promise<void> {
  const { platform, app, lease } = attempt;
  for (;;) {
    const stored = await platform.store.apps.get(app.id);
    if (stored === null) throw notFound("app");
    // After the app was read: whoever takes the deployment over from here on changes the app too, and the change below fails.
    await lease.check();
    const facts = {
      currentReleaseId: releaseId,
      currentRolloutId: releaseId,
      targets,
      lastDeployedAt: platform.now(),
    };
    if (await platform.store.apps.compareAndSet(changeApp(stored, platform.now(), facts))) break;
  }
  await promote(attempt, releaseId);
}

/** Ends all other rollouts of the app, so it is for the one who has the deployment: the next one's may be starting by now. */
async function promote({ platform, app, lease }: Attempt, rolloutId: string): Promise<void> {
  const { scheduler, config } = platform;
  await lease.check();
  await scheduler.promote(app.id, rolloutId, { graceMs: config.STOP_GRACE_MS, count: app.webCount });
}
