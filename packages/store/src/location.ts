// Reads where data lies out of a setting: a path, or a `file:` URL.

import { fileURLToPath } from "node:url";
import { resolve } from "node:path";
import { SlipwayError } from "@slipway/core";

const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/;

/**
 * The absolute path in a setting. What follows a bare `file:` is the path as it is, spaces and # included; `file://` begins
 * a proper URL with its escapes.
 * @param setting its name, for the error. @param kinds what else the setting could be, not supported yet: scheme → name.
 * @throws {SlipwayError} "configuration-invalid" for another scheme. The URL itself is not repeated: it may hold a password.
 */
export function pathIn(url: string, setting: string, kinds: Readonly<Record<string, string>>): string {
  const found = scheme.exec(url)?.[1]?.toLowerCase();
  if (url === "") throw new SlipwayError("configuration-invalid", `the ${setting} is empty`);
  if (found === undefined) return resolve(url);
  if (found === "file")
    return url.startsWith("file://") ? pathOfUrl(url, setting) : resolve(url.slice("file:".length));
  const kind = kinds[found];
  throw new SlipwayError(
    "configuration-invalid",
    kind === undefined
      ? `the ${setting} begins with ${found}:, but must be a path or begin with file:`
      : `${kind} is not supported yet: the ${setting} must be a path or begin with file:`,
  );
}

function pathOfUrl(url: string, setting: string): string {
  try {
    return fileURLToPath(url);
  } catch (error) {
    throw new SlipwayError("configuration-invalid", `the ${setting} is no valid file: URL`, { cause: error });
  }
}
