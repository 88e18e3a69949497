// The image that a deployment request names instead of a source: it was built elsewhere.

import { formatImageReference, invalidField, parseImageReference, toSlipwayError } from "@slipway/core";
import type { DeploymentSource } from "@slipway/core";

/** @throws {SlipwayError} "invalid" naming `image`, if the text is not an image name with a digest. */
export function parseSourceImage(text: string): DeploymentSource {
  try {
    return { kind: "image", reference: formatImageReference(parseImageReference(text)) };
  } catch (error) {
    throw invalidField("image", toSlipwayError(error).message);
  }
}

/** Whether the text names the same image, in any spelling. */
export function namesSourceImage(text: string, source: DeploymentSource): boolean {
  const named = parseSourceImage(text);
  return named.kind === "image" && source.kind === "image" && named.reference === source.reference;
}
