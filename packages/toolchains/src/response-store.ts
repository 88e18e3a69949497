// Texts from a registry, stored in the blob store for when the registry does not respond.

import { createHash } from "node:crypto";
import type { BlobStore, ByteStream } from "@slipway/core";

export interface ResponseStoreOptions {
  readonly blobs: BlobStore;
  /** The registry's URL, to which the texts belong. */
  readonly scope: string;
  /** Called with failures of the blob store, which do not affect the calls. */
  readonly onError: (error: unknown) => void;
}

type Kind = "packument" | "file" | "answer" | "packages";

export class ResponseStore {
  readonly #options: ResponseStoreOptions;

  constructor(options: ResponseStoreOptions) {
    this.#options = options;
  }

  /** @returns null when there is no such text, or when the blob store fails. */
  async get(kind: Kind, name: string): Promise<string | null> {
    try {
      const blob = await this.#options.blobs.get(this.#keyOf(kind, name));
      return blob === null ? null : Buffer.concat(await Array.fromAsync(blob.bytes)).toString("utf8");
    } catch (error) {
      this.#options.onError(error);
      return null;
    }
  }

  async put(kind: Kind, name: string, text: string): Promise<void> {
    async function* bytes(): ByteStream {
      yield Buffer.from(text);
    }
    await this.#options.blobs.put(this.#keyOf(kind, name), bytes()).catch(this.#options.onError);
  }

  #keyOf(kind: string, name: string): string {
    const hash = createHash("sha256").update(`${this.#options.scope} ${name}`).digest("hex");
    return `toolchains/${kind}/${hash}`;
  }
}
