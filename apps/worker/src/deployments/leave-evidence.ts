// Creates the documents about a build, stores them, and attaches them to the image: the signed receipt and the SBOM.

import type { ImageArtifact, ImageRegistry } from "@slipway/core";
import { predicateType } from "@slipway/receipts";
import { sbomMediaType } from "@slipway/sbom";
import type { Logger } from "@slipway/service";
import type { Attempt } from "./attempt.ts";
import type { BuiltImage } from "./builders/builder.ts";
import type { Origin } from "./origin.ts";
import type { Plan } from "./phases/plan.ts";
import { storeReceipt } from "./receipt.ts";
import type { ReceiptContext } from "./receipt.ts";
import { storeSbom } from "./sbom.ts";
import type { SbomContext } from "./sbom.ts";

export type EvidenceContext = ReceiptContext &
  SbomContext & {
    readonly registry: Pick<ImageRegistry, "attach">;
    readonly logger: Pick<Logger, "warn">;
  };

/** Time limit for attaching, during which the deployment does not end. */
const attachMs = 30_000;
const receiptMediaType = "application/vnd.dsse.envelope.v1+json";

/** Stores the documents; of an image that was made elsewhere, without a plan, there is no SBOM. Called before the image has a release, so that no release lacks them. @returns the files to attach. */
export async function storeEvidence(
  context: EvidenceContext,
  attempt: Attempt,
  made: { readonly origin: Origin; readonly plan: Plan | null; readonly built: BuiltImage },
): Promise<readonly ImageArtifact[]> {
  const [receipt, sbom] = await Promise.all([
    storeReceipt(context, attempt, made),
    made.plan === null ? null : storeSbom(context, attempt, { plan: made.plan, built: made.built }),
  ]);
  const annotations = { "in-toto.io/predicate-type": predicateType };
  return [
    { type: receiptMediaType, content: receipt, annotations },
    ...(sbom === null ? [] : [{ type: sbomMediaType, content: sbom, annotations: {} }]),
  ];
}

/** Attaches the files to the image in the registry. A failure is only logged, because the documents are stored. */
export async function attachEvidence(
  { registry, logger }: Pick<EvidenceContext, "registry" | "logger">,
  { lease, signal }: Attempt,
  { built, evidence }: { readonly built: BuiltImage; readonly evidence: readonly ImageArtifact[] },
): Promise<void> {
  const { id, appId } = lease.deployment;
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(attachMs)]);
  try {
    // One after the other: each adds to the same list of the image's referrers.
    for (const artifact of evidence)
      await registry.attach(`apps/${appId}`, built.image.digest, artifact, bounded);
  } catch (error) {
    signal.throwIfAborted();
    logger.warn({ err: error, deployment: id }, "cannot attach receipt and SBOM to the image");
  }
}
