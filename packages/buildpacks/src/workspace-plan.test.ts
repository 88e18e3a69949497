// When an app in a folder of its source is built on dependencies that were installed without the source.

import { describe, expect, test } from "vitest";
import { planBuild } from "./plan.ts";

type Files = Readonly<Record<string, string>>;

const json = JSON.stringify;
const prefix = "apps/api/";
const npmLock = {
  lockfileVersion: 3,
  packages: {
    "": {},
    "apps/api": {},
    "packages/lib": {},
    "node_modules/@m/api": { resolved: "apps/api", link: true },
    "node_modules/@m/lib": { resolved: "packages/lib", link: true },
    "node_modules/ms": { version: "2.0.0", resolved: "https://registry.npmjs.org/ms/-/ms-2.0.0.tgz" },
    "packages/lib/node_modules/ms": { version: "2.1.3" },
  },
};
const monorepo: Files = {
  "package.json": json({ workspaces: ["apps/*", "packages/*"] }),
  "package-lock.json": json(npmLock),
  "apps/api/package.json": json({
    scripts: { start: "node ." },
    dependencies: { "@m/lib": "1", ms: "2.0.0" },
  }),
  "packages/lib/package.json": json({ name: "@m/lib", scripts: { build: "make" } }),
};

interface Changes {
  readonly files?: Files;
  readonly variables?: Readonly<Record<string, string>>;
  readonly links?: Parameters<typeof planBuild>[0]["links"];
}

function plan({ files = {}, variables = {}, links = [] }: Changes) {
  const given = { ...monorepo, ...files };
  const captured = new Map(Object.entries(given).map(([path, text]) => [path, Buffer.from(text)]));
  const scattered = new Map([...captured].filter(([path]) => /(^|\/)(package\.json|\.npmrc)$/.test(path)));
  return planBuild({
    captured,
    oversized: new Set(),
    names: [...captured.keys()]
      .filter((path) => path.startsWith(prefix))
      .map((path) => path.slice(prefix.length)),
    scattered,
    links,
    variables: { PROJECT_DIR: "apps/api", ...variables },
  });
}
const installOf = (changes: Changes = {}) => plan(changes).language?.install ?? null;

describe("a workspace", () => {
  test("is installed from all manifests, and built in a container", () => {
    const { language, folder } = plan({});
    expect(folder).toBe("");
    expect(language).toMatchObject({ scripts: "build", install: { workspace: "apps/api" } });
    expect([...(language?.install?.files.keys() ?? [])].toSorted()).toEqual(Object.keys(monorepo).toSorted());
  });

  test.each<[string, Changes]>([
    ["the lock file", { files: { "package-lock.json": json({ ...npmLock, requires: true }) } }],
    [
      "a dependency of another workspace",
      { files: { "packages/lib/package.json": json({ dependencies: { ms: "2" } }) } },
    ],
    ["the manifest of a further folder", { files: { "other/package.json": "{}" } }],
    ["settings of a folder", { files: { "packages/lib/.npmrc": "a=b" } }],
    ["a variable of npm", { variables: { NPM_CONFIG_OMIT: "optional" } }],
  ])("is installed again after a change of %s", (_what, changes) => {
    expect(installOf(changes)?.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(installOf(changes)?.digest).not.toBe(installOf()?.digest);
  });

  test.each<[string, Changes]>([
    [
      "scripts that run in builds",
      { files: { "packages/lib/package.json": json({ name: "@m/lib", scripts: { build: "x" } }) } },
    ],
    ["a file that no install reads", { files: { "README.md": "x" } }],
    ["a link to a file", { links: [{ path: "docs", target: "README.md", leadsToFile: true }] }],
  ])("is not installed again after a change of %s", (_what, changes) => {
    expect(installOf(changes)?.digest).toBe(installOf()?.digest);
  });

  test.each<[string, Changes]>([
    [
      "a workspace has an install script",
      { files: { "packages/lib/package.json": '{"scripts":{"prepare":"x"}}' } },
    ],
    [
      "the root has one",
      { files: { "package.json": '{"workspaces":["*/*"],"scripts":{"postinstall":"x"}}' } },
    ],
    ["npm would link a program of a workspace", { files: { "packages/lib/package.json": '{"bin":"x.js"}' } }],
    [
      "a dependency is a file",
      { files: { "packages/lib/package.json": '{"dependencies":{"x":"file:../x"}}' } },
    ],
    ["a manifest is invalid", { files: { "packages/lib/package.json": "{" } }],
    [
      "a linked folder has no manifest",
      { files: { "package-lock.json": json(npmLock).replaceAll("packages/lib", "lib") } },
    ],
    ["a link leads to a folder", { links: [{ path: "latest", target: "packages", leadsToFile: false }] }],
  ])("is built with the whole source when %s", (_when, changes) => {
    expect(installOf(changes)).toBeNull();
  });
});

describe("a folder with a lock file of its own", () => {
  const own = { "apps/api/package-lock.json": json({ lockfileVersion: 3, packages: { "": {} } }) };

  test("is installed from its own files alone", () => {
    const { language, folder } = plan({ files: own });
    expect(folder).toBe("apps/api");
    expect(language?.install).toMatchObject({ workspace: null });
    expect([...(language?.install?.files.keys() ?? [])]).toEqual(["package.json", "package-lock.json"]);
  });

  test("is built with the whole source when a link leads out of it", () => {
    const inner = { path: "apps/api/latest", target: "apps/api/bin", leadsToFile: false };
    expect(installOf({ files: own, links: [inner] })).not.toBeNull();
    expect(installOf({ files: own, links: [{ ...inner, target: "packages" }] })).toBeNull();
  });
});
