// The limit for the sizes of what a build sends to its registry.

import { SlipwayError, mebibytesText } from "@slipway/core";
import type { ByteStream } from "@slipway/core";

/** How many times the limit may be sent in total, including failed uploads. */
const maxSends = 3;

export class UploadLimit {
  readonly #maxBytes: number;
  #uploadedBytes = 0;
  #sentBytes = 0;
  #excess: SlipwayError | null = null;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The error of the first upload or image that exceeded the limit. */
  get excess(): SlipwayError | null {
    return this.#excess;
  }

  /** @returns whether an image of this size may be exported. It may consist of layers that the build does not upload. */
  allows(imageBytes: number): boolean {
    if (imageBytes > this.#maxBytes) this.#excess = this.#tooLarge();
    return imageBytes <= this.#maxBytes;
  }

  /** Starts to count an upload. */
  begin(body: ByteStream | null): CountedUpload {
    let bytes = 0;
    const count = (added: number): void => {
      bytes += added;
      this.#add(added);
    };
    return {
      body: body === null ? null : counted(body, count),
      forget: () => (this.#uploadedBytes -= bytes),
    };
  }

  #add(bytes: number): void {
    this.#uploadedBytes += bytes;
    this.#sentBytes += bytes;
    if (this.#uploadedBytes <= this.#maxBytes && this.#sentBytes <= maxSends * this.#maxBytes) return;
    this.#excess = this.#tooLarge();
    throw this.#excess;
  }

  #tooLarge(): SlipwayError {
    const limit = mebibytesText(this.#maxBytes);
    return new SlipwayError("image-too-large", `the image has more than the ${limit} allowed (IMAGE_MAX_MB)`);
  }
}

interface CountedUpload {
  /** Fails with "image-too-large" above the limit. */
  readonly body: ByteStream | null;
  /** Takes back the bytes of an upload that failed: the lifecycle repeats it. */
  readonly forget: () => void;
}

async function* counted(bytes: ByteStream, count: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of bytes) {
    count(chunk.length);
    yield chunk;
  }
}
