// Runs one attempt at a deployment: the order of the phases.

import { endsWithin } from "@slipway/async";
import { toSlipwayError } from "@slipway/core";
import type { Deployment, SourceBuilder } from "@slipway/core";
import type { BuildSlot, LaneTask } from "@slipway/queue";
import { onStackOf } from "./app-stack.ts";
import type { StackContext } from "./app-stack.ts";
import type { Attempt } from "./attempt.ts";
import type { Builder, BuiltImage } from "./builders/builder.ts";
import { buildpacksBuilder } from "./builders/buildpacks.ts";
import type { BuildpacksContext } from "./builders/buildpacks.ts";
import type { CnbContext } from "./builders/cnb/cnb.ts";
import type { DockerfileContext } from "./builders/dockerfile.ts";
import { copyImage } from "./builders/image/image.ts";
import type { ImageContext } from "./builders/image/image.ts";
import { conclude, succeed } from "./conclude.ts";
import type { ConcludeContext } from "./conclude.ts";
import type { FormerImageContext } from "./former-image.ts";
import { attachDocuments, storeAttestations } from "./attestations.ts";
import type { AttestationsContext } from "./attestations.ts";
import { openAttempt } from "./open-attempt.ts";
import type { OpenAttemptContext } from "./open-attempt.ts";
import { imageOrigin, plannedOrigin } from "./origin.ts";
import type { Origin } from "./origin.ts";
import { fetchSource } from "./phases/fetch.ts";
import type { FetchContext, FetchedSource } from "./phases/fetch.ts";
import type { Plan, PlanContext } from "./phases/plan.ts";
import { makeRelease } from "./phases/release.ts";
import type { ReleaseContext } from "./phases/release.ts";
import { reuse } from "./phases/reuse.ts";
import type { ReuseContext } from "./phases/reuse.ts";
import { resume, start } from "./phases/start.ts";
import type { StartContext } from "./phases/start.ts";
import { prepareBuild, removeOlderSandboxes } from "./prepare-build.ts";
import type { RemovalContext } from "./prepare-build.ts";
import { pullEarly } from "./pull-early.ts";
import type { PullEarlyContext } from "./pull-early.ts";
import { decideOldImages, requestPruning } from "../housekeeping/request-pruning.ts";
import type { OldImagesContext } from "../housekeeping/request-pruning.ts";

type ReleasingContext = AttestationsContext &
  ReleaseContext &
  StartContext &
  RemovalContext &
  PullEarlyContext;
type PipelineContext = ReleasingContext &
  FetchContext &
  PlanContext &
  FormerImageContext &
  BuildpacksContext &
  CnbContext &
  DockerfileContext;
type PhasesContext = PipelineContext & ImageContext & StackContext & ReuseContext;
/** The dependencies of the phases, and of opening and ending an attempt. */
export type DeployContext = OpenAttemptContext & PhasesContext & ConcludeContext & OldImagesContext;

/** While fetching a source takes longer than this, its deployment holds no build slot. */
const slowFetchMs = 3_000;
/** A start that is quicker than this has the engine for itself: other work would slow it down. */
const quickStartMs = 3_000;

/**
 * Resolves when the deployment is final; rejects as documented for RunAttempt.
 * @returns the deployment; null when nothing was left to attempt.
 */
export async function deploy(
  context: DeployContext,
  task: LaneTask,
  signal: AbortSignal,
): Promise<Deployment | null> {
  await using attempt = await openAttempt(context, task, signal);
  if (attempt === null) return null;
  try {
    await runPhases(context, attempt, task.buildSlot);
  } catch (thrown) {
    const error = attempt.signal.aborted ? attempt.signal.reason : thrown;
    // Awaited here, because the attempt is disposed when this function returns.
    await conclude(context, attempt, task, toSlipwayError(error));
    return attempt.lease.deployment;
  }
  await decideOldImages(context, attempt);
  await succeed(attempt);
  await requestPruning(context, attempt);
  return attempt.lease.deployment;
}

function runPhases(context: PhasesContext, attempt: Attempt, slot?: BuildSlot): Promise<void> {
  const { releaseId, source } = attempt.lease.deployment;
  if (releaseId !== null || source.kind === "release") slot?.end();
  if (releaseId !== null) return resume(context, attempt, releaseId);
  if (source.kind === "release") return deployAgain(context, attempt, source.releaseId);
  if (source.kind === "image") return deployImage(context, attempt, source.reference, slot);
  return pipeline(onStackOf(context, attempt.app), attempt, slot);
}

/** The phases: fetch → plan → build by the planned builder, which ends with a push → release → start. */
async function pipeline(context: PipelineContext, attempt: Attempt, slot?: BuildSlot): Promise<void> {
  const { lease, log } = attempt;
  await using fetched = await fetchBeforeBuild(context, attempt, slot);
  const { planned, former } = await prepareBuild(context, attempt, fetched);
  const builder = await openBuilder(context, planned.builder);
  if (slot?.isHeld === false) await lease.phase("build-slot", log, () => takeSlot(attempt, slot));
  await using built = await builder.build(attempt, { fetched, plan: planned, former });
  slot?.end();
  const origin = plannedOrigin(lease.deployment, planned);
  await releaseAndStart(context, attempt, { origin, plan: planned, built });
}

/** The phases for an image that was built elsewhere: fetch → copy → push → release → start. */
async function deployImage(
  context: ReleasingContext & ImageContext,
  attempt: Attempt,
  reference: string,
  slot?: BuildSlot,
): Promise<void> {
  // Sandboxes of older attempts have to be removed even though this attempt builds nothing.
  await removeOlderSandboxes(context, attempt);
  await using built = await copyImage(context, attempt, reference);
  slot?.end();
  await releaseAndStart(context, attempt, { origin: imageOrigin(reference), plan: null, built });
}

async function releaseAndStart(
  context: ReleasingContext,
  attempt: Attempt,
  made: { readonly origin: Origin; readonly plan: Plan | null; readonly built: BuiltImage },
): Promise<void> {
  const { lease, log } = attempt;
  const { built } = made;
  await using _pull = pullEarly(context, attempt, built.image.pinnedReference);
  const { release, attestations } = await lease.phase("release", log, async () => ({
    attestations: await storeAttestations(context, attempt, made),
    release: await makeRelease(context, attempt, built),
  }));
  const { image, stackImage } = built;
  const facts = { image: image.reference, imageSizeBytes: image.sizeBytes, stackImage };
  const started = start(context, attempt, release, facts);
  const isQuick = endsWithin(Promise.allSettled([started]), quickStartMs);
  // A longer start mostly waits for the app, so the other work runs in parallel. All of it ends before the build is disposed.
  const outcomes = await Promise.allSettled([
    started,
    isQuick.then(() => attachDocuments(context, attempt, { ...made, attestations })),
    isQuick.then(() => built.saveCache()),
  ]);
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
}

/** The slot that is reserved for the build is released to others while the source takes long to arrive. */
async function fetchBeforeBuild(
  context: FetchContext,
  attempt: Attempt,
  slot: BuildSlot | undefined,
): Promise<FetchedSource> {
  const { lease, log } = attempt;
  const leave = setTimeout(() => slot?.release(), slowFetchMs);
  try {
    return await lease.phase("fetch", log, (phase) => fetchSource(context, attempt, phase));
  } finally {
    clearTimeout(leave);
  }
}

function takeSlot({ log, signal }: Attempt, slot: BuildSlot): Promise<void> {
  return slot.take(signal, () => log.line("-----> Waiting for a build slot: the source took long to arrive"));
}

/** The modules of the less common builders are loaded by the first deployment that needs them, because they take megabytes of memory. */
async function openBuilder(
  context: BuildpacksContext & CnbContext & DockerfileContext,
  kind: SourceBuilder,
): Promise<Builder> {
  if (kind === "cnb") return (await import("./builders/cnb/cnb.ts")).cnbBuilder(context);
  if (kind === "dockerfile") return (await import("./builders/dockerfile.ts")).dockerfileBuilder(context);
  return buildpacksBuilder(context);
}

/** The phases for an earlier release's image: reuse → start. */
async function deployAgain(
  context: ReuseContext & StartContext,
  attempt: Attempt,
  releaseId: string,
): Promise<void> {
  const { lease, log } = attempt;
  const { release, image } = await lease.phase("reuse", log, async (phase) => {
    phase.reuse("image");
    return reuse(context, attempt, releaseId);
  });
  await start(context, attempt, release, image);
}
