// Reads an app's packages from the lock file from which they are installed.

import { readBunLock, readBunWorkspace } from "./bun-lock.ts";
import { readComposerLock } from "./composer-lock.ts";
import { readGemfileLock } from "./gemfile-lock.ts";
import { readGoMod } from "./go-mod.ts";
import { readNpmWorkspace } from "./npm-workspace.ts";
import { readNpmLock, readPnpmLock, readYarnLock } from "./node-locks.ts";
import { maxPackages } from "./locked-package.ts";
import type { Found, LockedPackages } from "./locked-package.ts";
import { readPnpmWorkspace } from "./pnpm-workspace.ts";
import { readPipfileLock, readRequirements, readTomlLock } from "./python-locks.ts";
import { readYarnWorkspace } from "./yarn-workspace.ts";

/** The lock files of each language, in order of precedence. */
const readers = {
  nodejs: [
    ["npm-shrinkwrap.json", readNpmLock],
    ["package-lock.json", readNpmLock],
    ["pnpm-lock.yaml", readPnpmLock],
    ["yarn.lock", readYarnLock],
    ["bun.lock", readBunLock],
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

/** The lock files of a monorepo by their package manager, in order of precedence. */
const workspaceReaders = {
  npm: [
    ["npm-shrinkwrap.json", readNpmWorkspace],
    ["package-lock.json", readNpmWorkspace],
  ],
  pnpm: [["pnpm-lock.yaml", readPnpmWorkspace]],
  yarn: [["yarn.lock", readYarnWorkspace]],
  bun: [["bun.lock", readBunWorkspace]],
} as const satisfies Record<
  string,
  readonly (readonly [string, (text: string, workspace: string) => Found])[]
>;

/** A package manager of Node.js. */
export type NodePackageManager = keyof typeof workspaceReaders;

/** A language with lock files that can be read. */
export type LockLanguage = keyof typeof readers;

export const lockLanguages = Object.keys(readers) as readonly LockLanguage[];
/** Names of all lock files that can be read. */
export const lockFileNames: readonly string[] = Object.values(readers).flatMap((files) =>
  files.map(([name]) => name),
);

/** @returns content of a file of the app; undefined when there is none. */
type Read = (name: string) => Uint8Array | undefined;

/**
 * @param languages for each of them, the first lock file is read.
 * @returns null when there is no readable lock file with at most `maxPackages` packages.
 */
export function lockedPackages(languages: readonly LockLanguage[], read: Read): LockedPackages | null {
  const locks = languages.flatMap((language) => lockOf(readers[language], read) ?? []);
  return locks.length === 0
    ? null
    : {
        files: locks.flatMap(({ files }) => files),
        packages: locks.flatMap(({ packages }) => packages),
        isComplete: locks.every(({ isComplete }) => isComplete),
      };
}

/**
 * @param manager the monorepo's package manager. @param workspace path in the monorepo. @param read reads a file at the monorepo's root.
 * @returns null when the package manager's lock file does not exist or does not contain the workspace.
 */
export function lockedWorkspace(
  manager: NodePackageManager,
  workspace: string,
  read: Read,
): LockedPackages | null {
  return lockOf(
    workspaceReaders[manager].map(([file, reader]) => [file, (text: string) => reader(text, workspace)]),
    read,
  );
}

function lockOf(
  files: readonly (readonly [string, (text: string) => Found])[],
  read: Read,
): LockedPackages | null {
  for (const [file, reader] of files) {
    const content = read(file);
    if (content === undefined) continue;
    const found = reader(Buffer.from(content).toString("utf8"));
    return found === null || found.packages.length > maxPackages ? null : { files: [file], ...found };
  }
  return null;
}
