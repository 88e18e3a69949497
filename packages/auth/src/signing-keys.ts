// The installation's signing keys. The newest one signs; signatures by any of them are valid. A key file can change while processes run.

import { readFileSync, statSync } from "node:fs";
import { SlipwayError } from "@slipway/core";
import { deriveKeys } from "./keys.ts";
import type { DerivedKeys } from "./keys.ts";

export interface SigningKeys {
  /** The current keys, newest first; never empty. */
  keys(): readonly [DerivedKeys, ...DerivedKeys[]];
}

export interface SigningKeysOptions {
  /** The secrets, newest first; or the file that contains them, one per line. */
  readonly from: readonly string[] | { readonly file: string };
  /**
   * Called when the file can no longer be read, once per error. Each use retries; until one succeeds, the last keys stay in use.
   */
  readonly onError: (error: unknown) => void;
}

/** @throws {SlipwayError} "configuration-invalid" if there is no key, a key is too short, or the file is missing. */
export function openSigningKeys({ from, onError }: SigningKeysOptions): SigningKeys {
  if ("file" in from) return keysInFile(from.file, onError);
  const keys = derived(from, "the configuration");
  return { keys: () => keys };
}

/** Each use checks whether the file was replaced, which takes microseconds, and rereads it if so. */
function keysInFile(file: string, onError: (error: unknown) => void): SigningKeys {
  let version = versionOf(file);
  let keys = readKeys(file);
  let lastReported: string | null = null;
  const report = (error: unknown) => {
    const text = String(error);
    if (text !== lastReported) onError(error);
    lastReported = text;
  };
  return {
    keys() {
      try {
        const found = versionOf(file);
        if (found !== version) {
          keys = readKeys(file);
          version = found;
        }
        lastReported = null;
      } catch (error) {
        report(error);
      }
      return keys;
    },
  };
}

function versionOf(file: string): string {
  const { ino, mtimeMs, size } = readable(file, () => statSync(file));
  return `${ino} ${mtimeMs} ${size}`;
}

function readKeys(file: string): ReturnType<SigningKeys["keys"]> {
  const lines = readable(file, () => readFileSync(file, "utf8")).split("\n");
  return derived(
    lines.map((line) => line.trim()).filter((line) => line !== ""),
    file,
  );
}

function derived(secrets: readonly string[], where: string): ReturnType<SigningKeys["keys"]> {
  const [newest, ...former] = secrets.map(deriveKeys);
  if (newest === undefined) throw new SlipwayError("configuration-invalid", `${where} has no signing key`);
  return [newest, ...former];
}

function readable<Result>(file: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SlipwayError(
      "configuration-invalid",
      `the signing keys in ${file} cannot be read (${reason})`,
      {
        cause: error,
      },
    );
  }
}
