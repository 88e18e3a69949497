// Follows the progress that an engine reports of a pull: its errors, its stalls, and how much was downloaded.

import type { Readable } from "node:stream";
import { SlipwayError } from "@slipway/core";

/** A pull that reports no progress for this time fails. */
export const stallLimitMs = 300_000;
/** What downloads are reported as; later the same layer is reported again, while it is unpacked. */
const downloading = "Downloading";
const mebibyte = 1024 ** 2;

/** An error that the engine reported in the progress of a pull. */
export class PullError extends Error {}

interface Message {
  readonly error?: string;
  readonly status?: string;
  /** Id of the layer, shortened. */
  readonly id?: string;
  readonly progressDetail?: { readonly current?: number };
}

/**
 * Reads the progress to its end. Ends the pull by closing the connection when the image has more than `maxBytes`: the engine
 * enforces no sizes, neither its own nor those that the manifest states.
 * @param maxBytes of its layers as they are downloaded, compressed. Infinity for no limit.
 * @throws {PullError} what the engine reports. {SlipwayError} "build-failed" beyond the limit. {Error} when the connection breaks or stalls.
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

/** Sum of what was downloaded of all layers. */
class Downloaded {
  sizeBytes = 0;
  readonly #byLayer = new Map<string, number>();

  add({ status, id = "", progressDetail }: Message): void {
    const current = progressDetail?.current ?? 0;
    if (status !== downloading) return;
    const before = this.#byLayer.get(id) ?? 0;
    // Less than before is a download that the engine has begun again, or another layer whose shortened id is the same.
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
