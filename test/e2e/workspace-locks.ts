// A monorepo in the form of each package manager: the manifests, and the lock file with its settings.

import { bunEntry, npmEntry, pnpmLockOf, type Published, yarn1LockOf, yarn4LockOf } from "./lock-files.ts";

/** Versions of ms. */
export type Ms = "2.0.0" | "2.1.3";

interface Manager {
  /** The field packageManager; null for npm. */
  readonly packageManager: string | null;
  /** The version range by which apps/api depends on packages/lib. */
  readonly range: string;
  /** @returns lock file and settings by file name. @param ms the version for apps/api. @param other the version for packages/lib. */
  readonly files: (ms: Ms, other: Ms) => Readonly<Record<string, string>>;
}

const managers = {
  npm: { packageManager: null, range: "^1.0.0", files: npmFiles },
  pnpm: { packageManager: "pnpm@10.28.0", range: "workspace:*", files: pnpmFiles },
  "yarn 1": { packageManager: "yarn@1.22.22", range: "^1.0.0", files: yarn1Files },
  "yarn 4": { packageManager: "yarn@4.13.0", range: "workspace:*", files: yarn4Files },
  bun: { packageManager: "bun@1.4.5", range: "workspace:*", files: bunFiles },
} as const satisfies Record<string, Manager>;

export type WorkspaceManager = keyof typeof managers;

export const workspaceManagers = Object.keys(managers) as readonly WorkspaceManager[];

const name = { api: "@m/api", lib: "@m/lib" };
const bothMs: readonly Published[] = ["ms@2.0.0", "ms@2.1.3"];
const rootManifest = { name: "monorepo", version: "1.0.0", workspaces: ["apps/*", "packages/*"] };

/** @param ms the version that apps/api needs; packages/lib needs the other one. */
export function workspaceOf(manager: WorkspaceManager, ms: Ms) {
  const { packageManager, range, files } = managers[manager];
  const other = otherThan(ms);
  return {
    root: { ...rootManifest, private: true, ...(packageManager === null ? {} : { packageManager }) },
    api: { name: name.api, version: "1.0.0", dependencies: { [name.lib]: range, ms } },
    lib: { name: name.lib, version: "1.0.0", dependencies: { ms: other } },
    files: files(ms, other),
  };
}

function otherThan(ms: Ms): Ms {
  return ms === "2.0.0" ? "2.1.3" : "2.0.0";
}

function npmFiles(ms: Ms, other: Ms) {
  const packages = {
    "": rootManifest,
    "apps/api": { name: name.api, version: "1.0.0", dependencies: { [name.lib]: "^1.0.0", ms } },
    "node_modules/@m/api": { resolved: "apps/api", link: true },
    "node_modules/@m/lib": { resolved: "packages/lib", link: true },
    "node_modules/ms": npmEntry(`ms@${ms}`),
    "packages/lib": { name: name.lib, version: "1.0.0", dependencies: { ms: other } },
    "packages/lib/node_modules/ms": npmEntry(`ms@${other}`),
  };
  return { "package-lock.json": JSON.stringify({ ...rootManifest, lockfileVersion: 3, packages }) };
}

const pnpmWorkspaces = { "pnpm-workspace.yaml": "packages:\n  - apps/*\n  - packages/*\n" };

function pnpmFiles(ms: Ms, other: Ms) {
  const importers = {
    ".": {},
    "apps/api": {
      dependencies: {
        [name.lib]: ["workspace:*", "link:../../packages/lib"],
        ms: [ms, ms],
      },
    },
    "packages/lib": { dependencies: { ms: [other, other] } },
  } as const;
  return { ...pnpmWorkspaces, "pnpm-lock.yaml": pnpmLockOf(importers, bothMs) };
}

function yarn1Files() {
  return { "yarn.lock": yarn1LockOf(bothMs) };
}

function yarn4Files(ms: Ms, other: Ms) {
  const workspaces = [
    {
      key: "@m/api@workspace:apps/api",
      resolution: "@m/api@workspace:apps/api",
      dependencies: { [name.lib]: "workspace:*", ms: `npm:${ms}` },
    },
    {
      key: "@m/lib@workspace:*, @m/lib@workspace:packages/lib",
      resolution: "@m/lib@workspace:packages/lib",
      dependencies: { ms: `npm:${other}` },
    },
    { key: "monorepo@workspace:.", resolution: "monorepo@workspace:.", dependencies: {} },
  ];
  return { ".yarnrc.yml": "nodeLinker: node-modules\n", "yarn.lock": yarn4LockOf(workspaces, bothMs) };
}

function bunFiles(ms: Ms, other: Ms) {
  const workspaces = {
    "": { name: rootManifest.name },
    "apps/api": { name: name.api, version: "1.0.0", dependencies: { [name.lib]: "workspace:*", ms } },
    "packages/lib": { name: name.lib, version: "1.0.0", dependencies: { ms: other } },
  };
  const packages = {
    [name.api]: [`${name.api}@workspace:apps/api`],
    [name.lib]: [`${name.lib}@workspace:packages/lib`],
    ms: bunEntry(`ms@${ms}`),
    [`${name.lib}/ms`]: bunEntry(`ms@${other}`),
  };
  return { "bun.lock": JSON.stringify({ lockfileVersion: 1, configVersion: 1, workspaces, packages }) };
}

/** Lock files of a monorepo whose packages/lib needs is-number for its build instead of ms. */
export const lockedBuilds = {
  npm: {
    "package-lock.json": JSON.stringify({
      name: rootManifest.name,
      lockfileVersion: 3,
      requires: true,
      packages: {
        "": { name: rootManifest.name, workspaces: rootManifest.workspaces },
        "apps/api": {
          name: name.api,
          version: "1.0.0",
          dependencies: { [name.lib]: "^1.0.0", ms: "2.0.0" },
        },
        "node_modules/@m/api": { resolved: "apps/api", link: true },
        "node_modules/@m/lib": { resolved: "packages/lib", link: true },
        "node_modules/is-number": { ...npmEntry("is-number@7.0.0"), dev: true },
        "node_modules/ms": npmEntry("ms@2.0.0"),
        "packages/lib": { name: name.lib, version: "1.0.0", devDependencies: { "is-number": "7.0.0" } },
      },
    }),
  },
  pnpm: {
    ...pnpmWorkspaces,
    "pnpm-lock.yaml": pnpmLockOf(
      {
        ".": {},
        "apps/api": {
          dependencies: {
            [name.lib]: ["workspace:*", "link:../../packages/lib"],
            ms: ["2.0.0", "2.0.0"],
          },
        },
        "packages/lib": { devDependencies: { "is-number": ["7.0.0", "7.0.0"] } },
      },
      ["is-number@7.0.0", "ms@2.0.0"],
    ),
  },
};
