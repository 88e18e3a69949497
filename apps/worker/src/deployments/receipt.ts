// Creates the receipt of a build: a signed statement about the image and its inputs.

import type { App, ImageRegistry, Store } from "@slipway/core";
import { signStatement, statementAbout } from "@slipway/receipts";
import type { LayerFacts, ReceiptFacts } from "@slipway/receipts";
import manifest from "../../package.json" with { type: "json" };
import type { WorkerConfig } from "../config.ts";
import type { Attempt } from "./attempt.ts";
import type { BuiltImage } from "./builders/builder.ts";
import type { Origin } from "./origin.ts";
import type { CurrentReceiptKey } from "./receipt-key.ts";

export interface ReceiptContext {
  readonly store: Pick<Store, "receipts" | "releases">;
  readonly registry: Pick<ImageRegistry, "inspect">;
  readonly receiptKey: CurrentReceiptKey;
  readonly config: Pick<WorkerConfig, "installationId">;
  readonly now: () => Date;
}

/** Stores the receipt. Called before a release of the image is created, so that every release has a receipt. @returns the envelope. */
export async function storeReceipt(
  context: ReceiptContext,
  attempt: Attempt,
  made: { readonly origin: Origin; readonly built: BuiltImage },
): Promise<string> {
  const { store, receiptKey, now } = context;
  const { id: deploymentId, appId, attempt: number } = attempt.lease.deployment;
  const createdAt = now();
  const layers = await layersOf(context, attempt, made);
  const statement = statementAbout({ ...factsOf(context, attempt, made), layers, finishedAt: createdAt });
  const envelope = JSON.stringify(signStatement(statement, await receiptKey()));
  const imageDigest = made.built.image.digest;
  await store.receipts.put({ deploymentId, appId, imageDigest, attempt: number, envelope, createdAt });
  return envelope;
}

function factsOf(
  { config }: ReceiptContext,
  { app, lease }: Attempt,
  { origin, built }: { readonly origin: Origin; readonly built: BuiltImage },
): Omit<ReceiptFacts, "layers" | "finishedAt"> {
  const { deployment, phases } = lease;
  const { gitRef, createdAt } = deployment;
  return {
    imageName: `apps/${app.id}`,
    imageDigest: built.image.digest,
    installationId: config.installationId,
    version: manifest.version,
    app: { id: app.id, name: app.name },
    deployment: { id: deployment.id, number: deployment.number, attempt: deployment.attempt },
    startedAt: deployment.timeline.at(-1)?.startedAt ?? createdAt,
    source: { url: origin.url, gitRef, sha256: origin.sha256, treeSha256: origin.treeSha256 },
    builder: origin.builder,
    buildpacks: built.buildpacks,
    toolchain: origin.toolchain,
    stackImage: built.stackImage,
    phases,
  };
}

async function layersOf(
  { store, registry }: ReceiptContext,
  { app, signal }: Attempt,
  { origin, built }: { readonly origin: Origin; readonly built: BuiltImage },
): Promise<readonly LayerFacts[]> {
  const layers = async (reference: string | null) =>
    reference === null ? [] : ((await registry.inspect(reference, signal))?.layers ?? []);
  const former = currentImage(store, app).then(layers);
  const [image, ...earlier] = await Promise.all([
    layers(built.image.pinnedReference),
    layers(built.stackImage),
    layers(origin.toolchainImage),
    former,
  ]);
  const known = new Set(earlier.flat().map(({ digest }) => digest));
  return image.map(({ digest, sizeBytes }) => ({ digest, sizeBytes, reused: known.has(digest) }));
}

async function currentImage(
  { releases }: Pick<Store, "releases">,
  { currentReleaseId }: App,
): Promise<string | null> {
  return currentReleaseId === null ? null : ((await releases.get(currentReleaseId))?.image ?? null);
}
