// Tags by which an installation marks the images that its engines pulled for users.

import { createHash } from "node:crypto";

/** The repository of these tags. */
export function pulledTagRepository(installationId: string): string {
  return `slipway-${installationId}/pulled`;
}

/** The marking tag for the name by which an image was pulled: names are longer than tags may be. */
export function pulledTag(reference: string): string {
  return createHash("sha256").update(normalized(reference)).digest("hex").slice(0, 32);
}

/**
 * Whether a name of an image is the marking tag or the name by which it was pulled: both are removed with it. All other names are
 * left alone. @param names all names of the image, as the engine lists them.
 */
export function isPulledName(repository: string, name: string, names: readonly string[]): boolean {
  return name.startsWith(`${repository}:`) || names.includes(`${repository}:${pulledTag(name)}`);
}

/** The name as the engine lists it: without the default registry, and with a tag or a digest. */
function normalized(reference: string): string {
  const name = reference.replace(/^docker\.io\/(?:library\/)?/, "").replace(/:[^:@/]+@/, "@");
  const last = name.slice(name.lastIndexOf("/") + 1);
  return /[:@]/.test(last) ? name : `${name}:latest`;
}
