// Start: starts the release beside the serving one, and replaces that one once the new release accepts connections. Input: the release.

import { typesNotStarted } from "@slipway/buildpacks";
import { notFound } from "@slipway/core";
import type { Address, Deployment, Release, Scheduler, Store } from "@slipway/core";
import type { Attempt } from "../attempt.ts";
import { waitForFormerRollouts } from "../../housekeeping/former-rollouts.ts";
import type { FormerRolloutsContext } from "../../housekeeping/former-rollouts.ts";
import { digestOf } from "../../housekeeping/prune-images.ts";
import { promote, putInService } from "../put-in-service.ts";
import type { PromoteContext, PutInServiceContext } from "../put-in-service.ts";
import { rolloutOf } from "../rollout.ts";
import type { RolloutContext } from "../rollout.ts";
import { runHook } from "./hook.ts";
import type { HookContext } from "./hook.ts";

type StartReleaseContext = RolloutContext &
  FormerRolloutsContext &
  PutInServiceContext & { readonly scheduler: Pick<Scheduler, "start" | "discard"> };
export type StartContext = HookContext & StartReleaseContext & ResumeContext;
type ResumeContext = StartReleaseContext & PromoteContext & { readonly store: Pick<Store, "releases"> };

/** Facts about the image except for its digest, which the release contains. */
export type ImageFacts = Pick<Deployment, "image" | "imageSizeBytes" | "stackImage">;

/** Runs the hook, starts the release and puts it into service. @throws {SlipwayError} "lease-lost" when a later attempt runs. */
export async function start(
  context: HookContext & StartReleaseContext,
  attempt: Attempt,
  release: Release,
  image: ImageFacts,
): Promise<void> {
  await attempt.lease.changeStatus("starting", attempt.log.lastSeq, {
    ...image,
    // The release's digest: a dead attempt may have created the release from another build's image.
    imageDigest: digestOf(release),
  });
  await runHook(context, attempt, release);
  await startRelease(context, attempt, release);
}

/** Completes a deployment whose attempt died after its release was marked as going live. */
export async function resume(context: ResumeContext, attempt: Attempt, releaseId: string): Promise<void> {
  const { app } = attempt;
  const release = await context.store.releases.get(releaseId);
  if (release === null) throw notFound("release");
  if (app.currentRolloutId !== releaseId) return startRelease(context, attempt, release);
  const { lease, log, signal } = attempt;
  const rollout = { app, rolloutId: releaseId, count: app.webCount, holder: lease, signal };
  await lease.phase("cutover", log, () => promote(context, rollout));
}

async function startRelease(context: StartReleaseContext, attempt: Attempt, release: Release): Promise<void> {
  const { lease, app, log, signal } = attempt;
  const targets = await lease.phase("start", log, () => untilLive(context, attempt, release));
  await lease.phase("cutover", log, () =>
    putInService(context, {
      app,
      releaseId: release.id,
      rolloutId: release.id,
      targets,
      count: app.webCount,
      lastDeployedAt: context.now(),
      holder: lease,
      signal,
    }),
  );
  if (targets.length === 0) log.line("       The app is scaled to 0: nothing of it runs");
  log.line(`-----> Release v${release.number} of ${app.name} is live`);
}

/** Starts the release, and marks it as going live. @returns the addresses of its instances. */
async function untilLive(
  context: StartReleaseContext,
  attempt: Attempt,
  release: Release,
): Promise<readonly Address[]> {
  const { lease, app, log, signal } = attempt;
  const { scheduler } = context;
  const { id: deploymentId, attempt: number } = lease.deployment;
  const own = { rolloutId: release.id, count: app.webCount, deploymentId, attempt: number };
  const onWait = () => log.line("       Waiting for former releases of the app to stop");
  await waitForFormerRollouts(context, { app, rolloutId: release.id, onWait, signal });
  log.line("-----> Starting the app");
  logNotStarted(attempt, release);
  const targets = await scheduler.start(rolloutOf(context, app, release, own), {
    onOutput: (bytes) => log.write(bytes),
    signal,
  });
  try {
    await lease.goLive(release.id);
  } catch (error) {
    await scheduler.discard(app.id, release.id, { attempt: number });
    throw error;
  }
  return targets;
}

function logNotStarted({ log }: Attempt, { processTypes }: Release): void {
  const names = typesNotStarted(processTypes);
  if (names.length === 0) return;
  log.line(` !     Not started: ${names.join(", ")}. Only web is run, and only web can be scaled`);
  log.line(
    " !     They stay in the release's process types; to run them now, start them from the command of web",
  );
}
