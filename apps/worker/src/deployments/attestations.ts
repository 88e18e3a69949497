// Creates the documents about a build, stores them, and attaches them to the image: the signed receipt and the SBOM.

import type { Deployment, ImageArtifact, ImageRegistry } from "@slipway/core";
import { predicateType } from "@slipway/receipts";
import { sbomMediaType } from "@slipway/sbom";
import type { Logger } from "@slipway/service";
import type { Attempt } from "./attempt.ts";
import type { BuiltImage } from "./builders/builder.ts";
import { heldAttestations } from "./held-writes.ts";
import type { Origin } from "./origin.ts";
import type { Plan } from "./phases/plan.ts";
import { storeReceipt } from "./receipt.ts";
import type { ReceiptContext } from "./receipt.ts";
import { storeImageSbom, storeSbom } from "./sbom.ts";
import type { SbomContext } from "./sbom.ts";

interface AttachContext {
  readonly registry: Pick<ImageRegistry, "attach">;
  readonly logger: Pick<Logger, "warn">;
}

export type AttestationsContext = ReceiptContext & SbomContext & AttachContext;

interface AttachingAttempt extends Pick<Attempt, "signal"> {
  readonly lease: { readonly deployment: Pick<Deployment, "id" | "appId"> };
  readonly log: Pick<Attempt["log"], "line">;
}

interface AttachedTo {
  readonly image: Pick<BuiltImage["image"], "digest">;
}

/** Time limit for reading the layers of an image that this worker has not read before. */
const describeLimitMs = 5 * 60_000;
const receiptMediaType = "application/vnd.dsse.envelope.v1+json";

/** Stores the documents that do not need the content of the image. Called before the release is created, so that each release has them. @returns the files to attach. */
export async function storeAttestations(
  context: AttestationsContext,
  attempt: Attempt,
  made: { readonly origin: Origin; readonly plan: Plan | null; readonly built: BuiltImage },
): Promise<readonly ImageArtifact[]> {
  const [receipt, sbom] = await Promise.all([
    storeReceipt(context, attempt, made),
    made.plan?.builder === "buildpacks"
      ? storeSbom(context, attempt, { plan: made.plan, built: made.built })
      : null,
  ]);
  const annotations = { "in-toto.io/predicate-type": predicateType };
  return [
    { type: receiptMediaType, content: receipt, annotations },
    ...(sbom === null ? [] : [sbomArtifact(sbom)]),
  ];
}

/**
 * Creates the SBOM of an image that buildpacks did not build. The image's layers are read while the app starts. A failure is only logged.
 * @returns the file to attach; none after a failure, or without packages.
 */
async function describeImage(
  context: SbomContext & Pick<AttachContext, "logger">,
  attempt: Attempt,
  { plan, built }: { readonly plan: Plan | null; readonly built: BuiltImage },
): Promise<readonly ImageArtifact[]> {
  if (plan?.builder === "buildpacks") return [];
  const { lease, log, signal } = attempt;
  const bounded = { ...attempt, signal: AbortSignal.any([signal, AbortSignal.timeout(describeLimitMs)]) };
  try {
    const sbom = await lease.phase("sbom", log, () => storeImageSbom(context, bounded, { plan, built }));
    return sbom === null ? [] : [sbomArtifact(sbom)];
  } catch (error) {
    signal.throwIfAborted();
    context.logger.warn(
      { err: error, deployment: lease.deployment.id },
      "cannot list the packages of the image",
    );
    return [];
  }
}

function sbomArtifact(content: string): ImageArtifact {
  return { type: sbomMediaType, content, annotations: {} };
}

/** Attaches the files to the image. If only the image itself lists its packages, an SBOM is attached afterwards. */
export async function attachDocuments(
  context: AttestationsContext,
  attempt: Attempt,
  made: {
    readonly plan: Plan | null;
    readonly built: BuiltImage;
    readonly attestations: readonly ImageArtifact[];
  },
): Promise<void> {
  await attachAttestations(context, attempt, made);
  const attestations = await describeImage(context, attempt, made);
  await attachAttestations(context, attempt, { ...made, attestations });
}

/**
 * Attaches the files to the image in the registry. A garbage collection may delay this for minutes, while the app starts. A failure is only
 * logged, because the documents are stored.
 */
export async function attachAttestations(
  { registry, logger }: AttachContext,
  { lease, log, signal }: AttachingAttempt,
  { built, attestations }: { readonly built: AttachedTo; readonly attestations: readonly ImageArtifact[] },
): Promise<void> {
  const { id, appId } = lease.deployment;
  const onHeld = () => log.line(heldAttestations);
  try {
    // One after the other: each attachment changes the same list of the image's referrers.
    for (const artifact of attestations)
      await registry.attach(`apps/${appId}`, built.image.digest, { ...artifact, onHeld }, signal);
  } catch (error) {
    signal.throwIfAborted();
    logger.warn({ err: error, deployment: id }, "cannot attach receipt and SBOM to the image");
  }
}
