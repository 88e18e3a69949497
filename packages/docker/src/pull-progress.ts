// Follows an engine's progress reports of a pull: its errors, its stalls, and the downloaded size.

import type { Readable } from "node:stream";
import { SlipwayError } from "@slipway/core";

/** A pull that reports no progress for this time fails. */
export const stallLimitMs = 300_000;
/** Status of a layer's download; later the same layer is reported with other statuses, while it is unpacked. */
const downloading = "Downloading";
const mebibyte = 1024 ** 2;

/** An error that the engine reported during a pull. */
export class PullError extends Error {}

interface Message {
  readonly error?: string;
  readonly status?: string;
  /** Id of the layer, shortened. */
  readonly id?: string;
  readonly progressDetail?: { readonly current?: number };
}

/**
 * Reads the progress to its end. Ends the pull by closing the connection when the image is larger than `maxBytes`: the engine
 * enforces no sizes, not even those in the manifest.
 * @param maxBytes maximum size of the layers as downloaded, compressed. Infinity for no limit.
 * @throws {PullError} the engine's error. {SlipwayError} "build-failed" above the limit. {Error} for a lost or stalled connection.
 */
export async function followPull(reference: string, progress: Readable, maxBytes: number): Promise<void> {
  using stalled = setTimeout(
    () => progress.destroy(new Error(`the pull made no progress for ${stallLimitMs / 1000} s`)),
    stallLimitMs,
  );
  const downloaded = new Downloaded();
  try {
    let partialLine = "";
    for await (const chunk of progress) {
      stalled.refresh();
      const lines = (partialLine + String(chunk)).split("\n");
      partialLine = lines.pop() ?? "";
      for (const line of lines) downloaded.add(messageOf(line));
      if (downloaded.sizeBytes > maxBytes) throw tooLarge(reference, maxBytes);
    }
  } finally {
    progress.destroy();
  }
}

/** @throws {PullError} when the line reports an error. */
function messageOf(line: string): Message {
  if (line.trim() === "") return {};
  const message = JSON.parse(line) as Message;
  if (message.error !== undefined) throw new PullError(message.error);
  return message;
}

/** The total downloaded size of all layers. */
class Downloaded {
  sizeBytes = 0;
  readonly #byLayer = new Map<string, number>();

  add({ status, id = "", progressDetail }: Message): void {
    const current = progressDetail?.current ?? 0;
    if (status !== downloading) return;
    const before = this.#byLayer.get(id) ?? 0;
    // A lower value than before means that the engine restarted the download, or that another layer has the same shortened id.
    this.sizeBytes += current < before ? current : current - before;
    this.#byLayer.set(id, current);
  }
}

function tooLarge(reference: string, maxBytes: number): SlipwayError {
  const limit = `${Math.floor(maxBytes / mebibyte)} MiB`;
  return new SlipwayError(
    "build-failed",
    `the image ${reference} was not pulled: its layers have more than ${limit}, which is the most that may be pulled (PULLED_IMAGE_MAX_MB): name a smaller image`,
  );
}
