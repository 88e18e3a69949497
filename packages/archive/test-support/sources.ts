// Runs `sourceTar` on archives made for a test, with small limits.

import { drain, refusal } from "@slipway/testkit";
import { type SourceTarOptions, sourceTar } from "../src/source-tar.ts";
import { archiveOf, streamOf, type TestEntry, unpack } from "./archives.ts";

export const limits = { maxUnpackedBytes: 1024 ** 2, maxEntries: 1000 };

export function options(changes: Partial<SourceTarOptions> = {}): SourceTarOptions {
  return { prefix: "build/", limits, signal: new AbortController().signal, ...changes };
}

export function unpacked(entries: readonly TestEntry[], changes: Partial<SourceTarOptions> = {}) {
  return unpack(sourceTar(archiveOf(entries), options(changes)));
}

/** @returns code and message of the error that the entries cause. */
export function refusalOf(entries: readonly TestEntry[], changes: Partial<SourceTarOptions> = {}) {
  return refusal(unpacked(entries, changes));
}

/** @returns code and message of the error that an archive of these bytes causes. */
export function refusalOfBytes(bytes: Uint8Array) {
  return refusal(drain(sourceTar(streamOf(bytes), options())));
}
