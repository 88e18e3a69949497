// The error for images whose packages cannot be listed.

/** The message states the problem with the image, as the end of a sentence. */
export class UnreadableImage extends Error {
  override readonly name = "UnreadableImage";
}
