// A monorepo as each package manager has it: the manifests, and the lock file with its settings.
// cspell:disable

/** Of the versions of ms. */
export const integrity = {
  "2.0.0": "sha512-Tpp60P6IUJDTuOq/5Z8cdskzJujfwqfOTkrwIwj7IRISpnkJnT6SyJ4PCPnGMoFjC9ddhal5KVIYtAt97ix05A==",
  "2.1.3": "sha512-6FlzubTLZG3J2a/NVCAleEhjzq5oxgHyaCU9yYXvcLsvoVaHJq/s5xXI6/XXP6tz7R9xAOtHnSO/tXtF3WRTlA==",
};

export type Ms = keyof typeof integrity;

interface Manager {
  /** Field packageManager; null for npm. */
  readonly packageManager: string | null;
  /** How apps/api asks for packages/lib. */
  readonly range: string;
  /** @returns lock file and settings by name. @param ms of apps/api. @param other of packages/lib. */
  readonly files: (ms: Ms, other: Ms) => Readonly<Record<string, string>>;
}

const managers = {
  npm: { packageManager: null, range: "^1.0.0", files: npmFiles },
  pnpm: { packageManager: "pnpm@10.28.0", range: "workspace:*", files: pnpmFiles },
} as const satisfies Record<string, Manager>;

export type WorkspaceManager = keyof typeof managers;

export const workspaceManagers = Object.keys(managers) as readonly WorkspaceManager[];

const name = { api: "@m/api", lib: "@m/lib" };
const rootManifest = { name: "monorepo", version: "1.0.0", workspaces: ["apps/*", "packages/*"] };

/** @param ms version that apps/api needs; packages/lib needs the other one. */
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
  const packageOf = (version: Ms) => ({
    version,
    resolved: `https://registry.npmjs.org/ms/-/ms-${version}.tgz`,
    integrity: integrity[version],
  });
  const packages = {
    "": rootManifest,
    "apps/api": { name: name.api, version: "1.0.0", dependencies: { [name.lib]: "^1.0.0", ms } },
    "node_modules/@m/api": { resolved: "apps/api", link: true },
    "node_modules/@m/lib": { resolved: "packages/lib", link: true },
    "node_modules/ms": packageOf(ms),
    "packages/lib": { name: name.lib, version: "1.0.0", dependencies: { ms: other } },
    "packages/lib/node_modules/ms": packageOf(other),
  };
  return { "package-lock.json": JSON.stringify({ ...rootManifest, lockfileVersion: 3, packages }) };
}

function pnpmFiles(ms: Ms, other: Ms) {
  const dependency = (version: string, specifier = version) =>
    `\n        specifier: ${specifier}\n        version: ${version}\n`;
  const packageOf = (version: Ms) => `  ms@${version}:\n    resolution: {integrity: ${integrity[version]}}\n`;
  return {
    "pnpm-workspace.yaml": "packages:\n  - apps/*\n  - packages/*\n",
    "pnpm-lock.yaml": `lockfileVersion: '9.0'

settings:
  autoInstallPeers: true
  excludeLinksFromLockfile: false

importers:

  .: {}

  apps/api:
    dependencies:
      '@m/lib':${dependency("link:../../packages/lib", "workspace:*")}      ms:${dependency(ms)}
  packages/lib:
    dependencies:
      ms:${dependency(other)}
packages:

${packageOf("2.0.0")}
${packageOf("2.1.3")}
snapshots:

  ms@2.0.0: {}

  ms@2.1.3: {}
`,
  };
}
