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
  "yarn 1": { packageManager: "yarn@1.22.22", range: "^1.0.0", files: yarn1Files },
  "yarn 4": { packageManager: "yarn@4.13.0", range: "workspace:*", files: yarn4Files },
  bun: { packageManager: "bun@1.4.5", range: "workspace:*", files: bunFiles },
} as const satisfies Record<string, Manager>;

export type WorkspaceManager = keyof typeof managers;

export const workspaceManagers = Object.keys(managers) as readonly WorkspaceManager[];

/** Of the archives that yarn 4 makes of ms. */
const checksums = {
  "2.0.0":
    "10c0/f8fda810b39fd7255bbdc451c46286e549794fcc700dc9cd1d25658bbc4dc2563a5de6fe7c60f798a16a60c6ceb53f033cb353f493f0cf63e5199b702943159d",
  "2.1.3":
    "10c0/d924b57e7312b3b63ad21fc5b3dc0af5e78d61a1fc7cfb5457edaf26326bf62be5307cc87ffb6862ef1c2b33b0233cdb5d4f01c4c958cc0d660948b65a287a48",
};
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

function yarn1Files() {
  const packageOf = (version: Ms) =>
    `ms@${version}:\n  version "${version}"\n  resolved "https://registry.yarnpkg.com/ms/-/ms-${version}.tgz"\n  integrity ${integrity[version]}\n`;
  return { "yarn.lock": `# yarn lockfile v1\n\n\n${packageOf("2.0.0")}\n${packageOf("2.1.3")}` };
}

function yarn4Files(ms: Ms, other: Ms) {
  const workspace = (keys: string, resolution: string, dependencies: string) =>
    `"${keys}":\n  version: 0.0.0-use.local\n  resolution: "${resolution}"\n${dependencies}  languageName: unknown\n  linkType: soft\n\n`;
  const packageOf = (version: Ms) =>
    `"ms@npm:${version}":\n  version: ${version}\n  resolution: "ms@npm:${version}"\n  checksum: ${checksums[version]}\n  languageName: node\n  linkType: hard\n\n`;
  return {
    ".yarnrc.yml": "nodeLinker: node-modules\n",
    "yarn.lock": [
      '# This file is generated by running "yarn install" inside your project.\n',
      "# Manual changes might be lost - proceed with caution!\n\n",
      "__metadata:\n  version: 8\n  cacheKey: 10c0\n\n",
      workspace(
        "@m/api@workspace:apps/api",
        "@m/api@workspace:apps/api",
        `  dependencies:\n    "@m/lib": "workspace:*"\n    ms: "npm:${ms}"\n`,
      ),
      workspace(
        "@m/lib@workspace:*, @m/lib@workspace:packages/lib",
        "@m/lib@workspace:packages/lib",
        `  dependencies:\n    ms: "npm:${other}"\n`,
      ),
      workspace("monorepo@workspace:.", "monorepo@workspace:.", ""),
      packageOf("2.0.0"),
      packageOf("2.1.3"),
    ]
      .join("")
      .trimEnd()
      .concat("\n"),
  };
}

function bunFiles(ms: Ms, other: Ms) {
  const workspaces = {
    "": { name: rootManifest.name },
    "apps/api": { name: name.api, version: "1.0.0", dependencies: { [name.lib]: "workspace:*", ms } },
    "packages/lib": { name: name.lib, version: "1.0.0", dependencies: { ms: other } },
  };
  const packageOf = (version: Ms) => [`ms@${version}`, "", {}, integrity[version]];
  const packages = {
    [name.api]: [`${name.api}@workspace:apps/api`],
    [name.lib]: [`${name.lib}@workspace:packages/lib`],
    ms: packageOf(ms),
    [`${name.lib}/ms`]: packageOf(other),
  };
  return { "bun.lock": JSON.stringify({ lockfileVersion: 1, configVersion: 1, workspaces, packages }) };
}
