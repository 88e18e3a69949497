// The image of a deployment's request that was made elsewhere.

import { formatImageReference, invalidField, parseImageReference, toSlipwayError } from "@slipway/core";
import type { DeploymentSource } from "@slipway/core";

/** @throws {SlipwayError} "invalid" naming `image`, if it is not the name of an image with its digest. */
export function parseSourceImage(text: string): DeploymentSource {
  try {
    return { kind: "image", reference: formatImageReference(parseImageReference(text)) };
  } catch (error) {
    throw invalidField("image", toSlipwayError(error).message);
  }
}

/** Whether the text names the same image, in whatever spelling. */
export function namesSourceImage(text: string, source: DeploymentSource): boolean {
  const named = parseSourceImage(text);
  return named.kind === "image" && source.kind === "image" && named.reference === source.reference;
}
