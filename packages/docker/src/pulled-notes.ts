// The tags by which an installation notes which images its engines pulled for users.

import { createHash } from "node:crypto";

/** The repository of the notes. */
export function noteRepository(installationId: string): string {
  return `slipway-${installationId}/pulled`;
}

/** The tag of the note for the name that an image is pulled by: names are longer than tags may be. */
export function noteTag(reference: string): string {
  return createHash("sha256").update(familiar(reference)).digest("hex").slice(0, 32);
}

/**
 * Whether a name of an image is a note, or the name that it was pulled by: these two are removed with it. Other names are those of others.
 * @param names all names of the image, as the engine lists them.
 */
export function isPulledName(repository: string, name: string, names: readonly string[]): boolean {
  return name.startsWith(`${repository}:`) || names.includes(`${repository}:${noteTag(name)}`);
}

/** The name as the engine lists it: without its default registry, and with a tag or a digest. */
function familiar(reference: string): string {
  const name = reference.replace(/^docker\.io\/(?:library\/)?/, "").replace(/:[^:@/]+@/, "@");
  const last = name.slice(name.lastIndexOf("/") + 1);
  return /[:@]/.test(last) ? name : `${name}:latest`;
}
