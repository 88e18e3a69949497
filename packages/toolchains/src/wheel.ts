// Reads the files of a wheel, which is a zip archive.

import { mkdtempDisposable, open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ByteStream } from "@slipway/core";
import { unavailable } from "./failures.ts";
import { packageFile } from "./package-entries.ts";
import type { PackageFile } from "./package-entries.ts";
import { zipContent, zipEntries, ZipError } from "./zip-archive.ts";

/** Paths of programs, which an installer makes executable. */
const scripts = /^[^/]+\.data\/scripts\//;

/**
 * The files of the wheel. Meanwhile the wheel is in a temporary file.
 * @param bytes a stream that fails at its end when its bytes are wrong. @param title the wheel's name, for errors.
 * @throws {SlipwayError} "toolchain-unavailable" when the wheel is not a standard zip archive; the stream's own error.
 */
export async function* wheelFiles(bytes: ByteStream, title: string): AsyncGenerator<PackageFile> {
  await using folder = await mkdtempDisposable(join(tmpdir(), "slipway-wheel-"));
  await using file = await open(join(folder.path, "wheel.zip"), "wx+");
  for await (const chunk of bytes) await file.writeFile(chunk);
  try {
    for (const entry of await zipEntries(file)) {
      const content = await zipContent(file, entry);
      yield packageFile(entry.path, content, scripts.test(entry.path));
    }
  } catch (error) {
    if (!(error instanceof ZipError)) throw error;
    throw unavailable(`The wheel ${title} cannot be unpacked: ${error.message}.`, error);
  }
}
