// Imports run one way: domain, wire, foundation, application, adapters, apps. turbo checks the tags; this file checks the meaning of the
// tags.

import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { allowedTags, codeOf, filesOf, importsOf, isTest, textOf, workspaces } from "./repository.ts";
import type { Workspace } from "./repository.ts";

const all = workspaces();
const byName = new Map(all.map((workspace) => [workspace.name, workspace]));
const tiers: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  wire: ["domain"],
  foundation: ["domain", "wire", "foundation"],
  application: ["domain"],
  adapter: ["domain", "wire", "foundation", "application"],
  test: ["domain", "wire", "foundation"],
  app: ["domain", "wire", "foundation", "application", "adapter"],
  setup: ["domain", "wire", "foundation"],
  command: ["domain", "wire", "foundation", "setup"],
  tool: ["domain", "wire", "foundation", "application", "adapter", "setup", "app"],
};
/** The tiers of each folder. All other tiers belong to packages/. */
const folders: Readonly<Record<string, readonly string[]>> = { apps: ["app", "command"], tools: ["tool"] };
const everywhere = filesOf("{*.config.ts,{apps,packages,tools,test,bench}/**/*.{ts,tsx,mts,mjs}}");
const core = filesOf("packages/core/src/**/*.ts").filter((path) => !isTest(path));

test("the tags allow the tiers, and besides them testkit, which only tests may import", () => {
  const allowed = Object.entries(allowedTags()).map(([tag, tags]) => [
    tag,
    tags.filter((other) => other !== "test"),
  ]);
  expect(Object.fromEntries(allowed)).toEqual(tiers);
});

test("each workspace has one tier, which its folder allows", () => {
  expect(all.filter((workspace) => !isPlaced(workspace))).toEqual([]);
});

test("ARCHITECTURE.md lists each workspace with its tier", () => {
  const rows = textOf("ARCHITECTURE.md").matchAll(/^\| `((?:apps|packages)\/[a-z-]+|tools)`\s*\| (\w+)/gm);
  const listed = Array.from(rows, ([, folder, tier]) => `${folder}: ${tier}`);
  expect(listed.toSorted()).toEqual(all.map(({ folder, tags }) => `${folder}: ${tags[0]}`).toSorted());
});

test("no workspace depends on itself through others", () => {
  expect(all.map(({ name }) => name).filter((name) => reachableFrom(name).has(name))).toEqual([]);
});

describe.each(all)("$folder", (workspace) => {
  const sources = filesOf(`${workspace.folder}/{bootstrap,src,test-support}/**/*.{ts,tsx,mts,mjs}`);
  const allowed = tiers[workspace.tags[0] ?? ""] ?? [];

  test("a workspace declares workspaces of the tiers it may import only", () => {
    expect(ours(workspace.dependencies).filter((other) => !allowed.includes(tagOf(other)))).toEqual([]);
  });

  test("a workspace imports from other workspaces what it declares, and testkit in tests only", () => {
    const wrong = imports(
      sources,
      (specifier, path) => isOurs(specifier) && !mayImport(workspace, specifier, path),
    );
    expect(wrong).toEqual([]);
  });
});

test("no relative import crosses the border of a workspace", () => {
  const wrong = imports(
    everywhere,
    (specifier, path) =>
      specifier.startsWith(".") && workspaceAt(join(dirname(path), specifier)) !== workspaceAt(path),
  );
  expect(wrong).toEqual([]);
});

test("core imports nothing but its own files", () => {
  expect(imports(core, (specifier) => !specifier.startsWith("."))).toEqual([]);
});

test("core reads no clock, no random numbers and no process", () => {
  const outside = /\bnew Date\(\)|\bDate\.now\(|\bprocess\.|\bMath\.random\(/;
  expect(core.filter((path) => outside.test(codeOf(path)))).toEqual([]);
});

test("nothing is imported from a workspace but what its package.json exports", () => {
  const exported = new Set(all.flatMap((workspace) => workspace.exports));
  expect(imports(everywhere, (specifier) => isOurs(specifier) && !exported.has(specifier))).toEqual([]);
});

function imports(paths: readonly string[], which: (specifier: string, path: string) => boolean): string[] {
  return paths.flatMap((path) =>
    importsOf(path)
      .filter((specifier) => which(specifier, path))
      .map((specifier) => `${path}: ${specifier}`),
  );
}

function isPlaced({ folder, tags: [tag = "", ...more] }: Workspace): boolean {
  const special = Object.values(folders).flat();
  const allowed = folders[folder.split("/")[0] ?? ""];
  return more.length === 0 && tag in tiers && (allowed?.includes(tag) ?? !special.includes(tag));
}

/** The workspace's folder that contains a path; undefined for the files of the root. */
function workspaceAt(path: string): string | undefined {
  return all.find(({ folder }) => path.startsWith(`${folder}/`))?.folder;
}

/** The package name in an import specifier, without the path after it. */
function packageOf(specifier: string): string {
  return specifier.split("/").slice(0, 2).join("/");
}

function isOurs(specifier: string): boolean {
  return specifier.startsWith("@slipway/");
}

function ours(specifiers: readonly string[]): string[] {
  return specifiers.filter(isOurs);
}

/** The workspaces that a workspace imports, directly or indirectly. */
function reachableFrom(name: string, found = new Set<string>()): Set<string> {
  for (const other of ours(byName.get(name)?.dependencies ?? [])) {
    if (found.has(other)) continue;
    reachableFrom(other, found.add(other));
  }
  return found;
}

function tagOf(name: string): string {
  return byName.get(name)?.tags[0] ?? "unknown";
}

function mayImport(workspace: Workspace, specifier: string, path: string): boolean {
  const name = packageOf(specifier);
  if (workspace.dependencies.includes(name)) return true;
  return isTest(path) && (workspace.devDependencies.includes(name) || tagOf(name) === "test");
}
