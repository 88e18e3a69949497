// GET …/deployments/:deployment/receipt and …/sbom: the documents about a build. GET /v1/receipt_keys: the keys that verify receipts.

import { pipeline } from "node:stream/promises";
import { isFinal, notFound, sbomBlobKey, SlipwayError } from "@slipway/core";
import type { BlobStore, Deployment, Receipt, Store } from "@slipway/core";
import { receiptAnswer, receiptKeysAnswer } from "@slipway/protocol";
import { jwkOf } from "@slipway/receipts";
import { deploymentOf } from "../deployments/deployment-of.ts";
import { route } from "../http/route.ts";
import type { Route } from "../http/route.ts";

type ReceiptStores = Pick<Store, "deployments" | "receipts">;

interface ReceiptRouteContext {
  readonly store: ReceiptStores;
  readonly blobs: Pick<BlobStore, "get">;
}

const sbomType = "application/vnd.cyclonedx+json";

export function receiptRoutes(context: ReceiptRouteContext): Route[] {
  return [receiptRoute(context.store), sbomRoute(context), keysRoute(context.store)];
}

function receiptRoute(store: ReceiptStores): Route {
  return route({
    method: "get",
    path: "/apps/:app/deployments/:deployment/receipt",
    summary: "Show the receipt of the build that made a deployment's image",
    description:
      "A DSSE envelope with an in-toto statement, whose predicate is the provenance of SLSA. A deployment of an earlier release has the receipt of the build of its image. There is none before the image is built, nor for an image of a version of Slipway without receipts.",
    access: "deployments:read",
    answer: { status: 200, json: receiptAnswer },
    async handle({ app, params }) {
      const receipt = await receiptOf(store, await deploymentOf(store, app, params.deployment));
      if (receipt === null) throw notFound("receipt");
      return receiptAnswer.parse(JSON.parse(receipt.envelope));
    },
  });
}

function sbomRoute({ store, blobs }: ReceiptRouteContext): Route {
  return route({
    method: "get",
    path: "/apps/:app/deployments/:deployment/sbom",
    summary: "Show the SBOM of a deployment's image, as CycloneDX in JSON",
    description:
      "It lists the packages of the lock files that the image's dependencies were installed from. Of an image of a Dockerfile, of Cloud Native Buildpacks or from elsewhere it lists what dpkg and apk installed, and the lock files of its working directory. There is none before it is made, when none of these exists or can be read, and when the image was removed: the message of the 404 says why.",
    access: "deployments:read",
    answer: { status: 200, type: sbomType },
    async handle({ app, params, response }) {
      const deployment = await deploymentOf(store, app, params.deployment);
      const { imageDigest } = deployment;
      const blob = imageDigest === null ? null : await blobs.get(sbomBlobKey(app.id, imageDigest));
      if (blob === null) throw withoutSbom(deployment);
      response.set({ "Content-Type": sbomType, "Content-Length": String(blob.sizeBytes) });
      await using bytes = blob.bytes;
      await pipeline(bytes, response);
    },
  });
}

function withoutSbom({ imageDigest, source, status }: Deployment): SlipwayError {
  return new SlipwayError(
    "not-found",
    isFinal(status)
      ? `The deployment has no SBOM: ${reasonOf({ imageDigest, source })}.`
      : "The deployment has no SBOM: it is not made yet.",
    { resource: "sbom" },
  );
}

/** @returns the reason why an ended deployment has no SBOM. */
function reasonOf({ imageDigest, source }: Pick<Deployment, "imageDigest" | "source">): string {
  if (imageDigest === null) return "the deployment has made no image";
  const noneRead = "its image was removed or could not be read";
  return source.kind === "image"
    ? `its image lists no packages of dpkg or apk and has no lock file that can be read, or ${noneRead}`
    : `its source has no lock file that can be read, or ${noneRead}`;
}

function keysRoute({ receipts }: ReceiptStores): Route {
  return route({
    method: "get",
    path: "/receipt_keys",
    summary: "List the public keys of receipts, oldest first",
    access: "anyone",
    answer: { status: 200, json: receiptKeysAnswer },
    handle: async () => ({
      receipt_keys: (await receipts.keys()).map(({ id, publicPem, createdAt }) => ({
        id,
        created_at: createdAt.toISOString(),
        pem: publicPem,
        jwk: jwkOf(publicPem),
      })),
    }),
  });
}

/** The receipt of the image that the deployment started. Its earlier attempts may have built other images with other receipts. */
async function receiptOf(
  { receipts }: ReceiptStores,
  { id, appId, imageDigest }: Deployment,
): Promise<Receipt | null> {
  if (imageDigest === null) return null;
  return (await receipts.get(id, imageDigest)) ?? (await receipts.newestOf(appId, imageDigest));
}
