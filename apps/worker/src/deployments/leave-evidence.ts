// Creates the documents about a build, stores them, and attaches them to the image: the signed receipt and the SBOM.

import type { Deployment, ImageArtifact, ImageRegistry } from "@slipway/core";
import { predicateType } from "@slipway/receipts";
import { sbomMediaType } from "@slipway/sbom";
import type { Logger } from "@slipway/service";
import type { Attempt } from "./attempt.ts";
import type { BuiltImage } from "./builders/builder.ts";
import { heldEvidence } from "./held-push.ts";
import type { Origin } from "./origin.ts";
import type { Plan } from "./phases/plan.ts";
import { storeReceipt } from "./receipt.ts";
import type { ReceiptContext } from "./receipt.ts";
import { storeSbom } from "./sbom.ts";
import type { SbomContext } from "./sbom.ts";

interface AttachContext {
  readonly registry: Pick<ImageRegistry, "attach">;
  readonly logger: Pick<Logger, "warn">;
}

export type EvidenceContext = ReceiptContext & SbomContext & AttachContext;

interface AttachingAttempt extends Pick<Attempt, "signal"> {
  readonly lease: { readonly deployment: Pick<Deployment, "id" | "appId"> };
  readonly log: Pick<Attempt["log"], "line">;
}

interface AttachedTo {
  readonly image: Pick<BuiltImage["image"], "digest">;
}

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

/**
 * Attaches the files to the image in the registry. A garbage collection may hold it up for minutes; the app starts meanwhile. A failure
 * is only logged, because the documents are stored.
 */
export async function attachEvidence(
  { registry, logger }: AttachContext,
  { lease, log, signal }: AttachingAttempt,
  { built, evidence }: { readonly built: AttachedTo; readonly evidence: readonly ImageArtifact[] },
): Promise<void> {
  const { id, appId } = lease.deployment;
  const onHeld = () => log.line(heldEvidence);
  try {
    // One after the other: each adds to the same list of the image's referrers.
    for (const artifact of evidence)
      await registry.attach(`apps/${appId}`, built.image.digest, { ...artifact, onHeld }, signal);
  } catch (error) {
    signal.throwIfAborted();
    logger.warn({ err: error, deployment: id }, "cannot attach receipt and SBOM to the image");
  }
}
