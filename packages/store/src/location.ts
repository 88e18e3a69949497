// Reads a data location from a setting: a path, a `file:` URL, or a MongoDB URL.

import { fileURLToPath } from "node:url";
import { resolve } from "node:path";
import { SlipwayError } from "@slipway/core";

const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/;
const mongoSchemes: ReadonlySet<string | undefined> = new Set(["mongodb", "mongodb+srv"]);

/** Whether a URL of the database or of blobs names a MongoDB server. */
export function isMongoUrl(url: string): boolean {
  return mongoSchemes.has(schemeOf(url));
}

/**
 * The absolute path in a setting. The text after a bare `file:` is used unchanged as the path, including spaces and #; `file://` begins
 * a standard URL with its escapes.
 * @param setting the setting's name, for the error.
 * @throws {SlipwayError} "configuration-invalid" for another scheme. The message does not contain the URL: it may contain a password.
 */
export function pathIn(url: string, setting: string): string {
  const found = schemeOf(url);
  if (url === "") throw new SlipwayError("configuration-invalid", `the ${setting} is empty`);
  if (found === undefined) return resolve(url);
  if (found === "file")
    return url.startsWith("file://") ? pathOfUrl(url, setting) : resolve(url.slice("file:".length));
  throw new SlipwayError(
    "configuration-invalid",
    `the ${setting} begins with ${found}:, but must be a path or begin with file: or mongodb:`,
  );
}

/** The path that a setting names on this machine; null for a MongoDB URL. @throws {SlipwayError} like `pathIn`. */
export function localPath(url: string, setting: string): string | null {
  return isMongoUrl(url) ? null : pathIn(url, setting);
}

function schemeOf(url: string): string | undefined {
  return scheme.exec(url)?.[1]?.toLowerCase();
}

function pathOfUrl(url: string, setting: string): string {
  try {
    return fileURLToPath(url);
  } catch (error) {
    throw new SlipwayError("configuration-invalid", `the ${setting} is no valid file: URL`, { cause: error });
  }
}
