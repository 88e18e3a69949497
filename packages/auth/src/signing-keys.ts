// The installation's signing keys: the newest signs, each of them is taken. In a file they can be changed while processes run.

import { readFileSync, statSync } from "node:fs";
import { SlipwayError } from "@slipway/core";
import { deriveKeys } from "./keys.ts";
import type { DerivedKeys } from "./keys.ts";

export interface SigningKeys {
  /** Never empty, the newest first, as they are at this moment. */
  keys(): readonly [DerivedKeys, ...DerivedKeys[]];
}

export interface SigningKeysOptions {
  /** The secrets, newest first; or the file that contains them, one per line. */
  readonly from: readonly string[] | { readonly file: string };
  /**
   * Told when the file cannot be read any more, once until something changes. It is tried again with each use, and the keys that
   * were read last are used on.
   */
  readonly onError: (error: unknown) => void;
}

/** @throws {SlipwayError} "configuration-invalid" when there is no key, or one that is too short, or no file. */
export function openSigningKeys({ from, onError }: SigningKeysOptions): SigningKeys {
  if ("file" in from) return keysInFile(from.file, onError);
  const keys = derived(from, "the configuration");
  return { keys: () => keys };
}

/** The file is looked at with each use, which costs microseconds, and read when it was replaced. */
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
