// Reads the packages of an app from the lock file that they are installed from.

import { readComposerLock } from "./composer-lock.ts";
import { readGemfileLock } from "./gemfile-lock.ts";
import { readGoMod } from "./go-mod.ts";
import { readNpmLock, readPnpmLock, readYarnLock } from "./node-locks.ts";
import type { Found, LockedPackages } from "./package.ts";
import { readPipfileLock, readRequirements, readTomlLock } from "./python-locks.ts";

/** The lock files of each language, in order of precedence. */
const readers = {
  nodejs: [
    ["npm-shrinkwrap.json", readNpmLock],
    ["package-lock.json", readNpmLock],
    ["pnpm-lock.yaml", readPnpmLock],
    ["yarn.lock", readYarnLock],
  ],
  python: [
    ["uv.lock", readTomlLock],
    ["poetry.lock", readTomlLock],
    ["Pipfile.lock", readPipfileLock],
    ["requirements.txt", readRequirements],
  ],
  go: [["go.mod", readGoMod]],
  php: [["composer.lock", readComposerLock]],
  ruby: [["Gemfile.lock", readGemfileLock]],
} as const satisfies Record<string, readonly (readonly [string, (text: string) => Found])[]>;

/**
 * @param read content of a file of the app; undefined when there is none.
 * @returns null when there is no lock file that can be read.
 */
export function lockedPackages(
  language: keyof typeof readers,
  read: (name: string) => Uint8Array | undefined,
): LockedPackages | null {
  for (const [file, reader] of readers[language]) {
    const content = read(file);
    if (content === undefined) continue;
    const found = reader(Buffer.from(content).toString("utf8"));
    return found === null ? null : { file, ...found };
  }
  return null;
}
