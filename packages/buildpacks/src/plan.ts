// Decides from a source's control files how it is built, before any of its code runs.

import { posix } from "node:path";
import { SlipwayError } from "@slipway/core";
import { foldersAbove, monorepoRoot } from "./node/monorepo.ts";
import { nodeControlFiles, type NodePlan, planNode } from "./node/plan.ts";
import type { NodeSource } from "./node/source.ts";

/** What a plan is made from: the source's control files, and the names beside them. */
export interface PlanSource {
  /** Content of control files by path. */
  readonly captured: ReadonlyMap<string, Buffer>;
  /** Control files that exist, but are larger than their maximum size. */
  readonly oversized: ReadonlySet<string>;
  /** Names in the project directory; those of folders end with a slash. */
  readonly names: readonly string[];
  /** The app's variables. */
  readonly variables: Readonly<Record<string, string>>;
}

export interface BuildPlan {
  /** Null when the build needs no Node.js. */
  readonly node: NodePlan | null;
  /** Whether a wish for Node.js that cannot be met fails the build: not for an app that may be its own buildpack. */
  readonly nodeRequired: boolean;
  /** Path in the source of the monorepo whose workspace is built, "" for the source itself; null for any other app. */
  readonly monorepo: string | null;
  readonly procfile: string | null;
  readonly slugIgnore: string | null;
}

/** Scripts that an app has which is its own buildpack. */
const inlineScripts = ["bin/detect", "bin/compile"];
const maxControlFileBytes = 64 * 1024;

/** @returns the folder that PROJECT_DIR names, relative to the source; "" for the source itself. */
export function projectDirectory({ PROJECT_DIR: given = "" }: Readonly<Record<string, string>>): string {
  const path = posix.normalize(given).replace(/^\/+|\/+$/g, "");
  return path === "." || path === ".." || path.startsWith("../") ? "" : path;
}

/** @returns the paths of the files that `planBuild` reads, each with its maximum size in bytes. */
export function controlFiles(projectDir: string): ReadonlyMap<string, number> {
  const files = new Map<string, number>();
  const add = (folder: string, some: Iterable<readonly [name: string, maxBytes: number]>) => {
    for (const [name, maxBytes] of some) files.set(posix.join(folder, name), maxBytes);
  };
  for (const folder of [...foldersAbove(projectDir), projectDir]) add(folder, nodeControlFiles);
  add(
    projectDir,
    ["Procfile", ".slugignore"].map((name) => [name, maxControlFileBytes]),
  );
  add(
    projectDir,
    inlineScripts.map((name) => [name, 0]),
  );
  return files;
}

/** @throws {SlipwayError} "build-failed" when the app cannot be built, with what to change. */
export function planBuild(source: PlanSource): BuildPlan {
  const projectDir = projectDirectory(source.variables);
  const read = (name: string) => source.captured.get(posix.join(projectDir, name));
  const exists = (name: string) =>
    read(name) !== undefined || source.oversized.has(posix.join(projectDir, name));
  const text = (name: string) => read(name)?.toString("utf8") ?? null;
  const inline = source.variables["BUILDPACK_NAME"] !== "nodejs" && inlineScripts.every(exists);
  const { captured, oversized } = source;
  const known = (path: string) => captured.has(path) || oversized.has(path);
  const monorepo = monorepoRoot(projectDir, { read: (path) => captured.get(path), exists: known });
  return {
    node: planOfNode(source, read, monorepo, inline),
    nodeRequired: !inline,
    monorepo,
    procfile: text("Procfile"),
    slugIgnore: text(".slugignore"),
  };
}

/**
 * @returns what the plan has to say to the build runner, as arguments: what serves the app, the command that starts it without a
 * Procfile, and the monorepo that it is a workspace of.
 */
export function runnerArguments({ node, monorepo }: Pick<BuildPlan, "node" | "monorepo">): readonly string[] {
  if (node === null) return [];
  return [
    ...(node.serves === "static" ? ["front-end"] : []),
    ...(node.web === null ? [] : [`web=${node.web}`]),
    ...(monorepo === null ? [] : [`monorepo=${monorepo}`]),
  ];
}

/** Of the root of a monorepo only the control files are known. */
function rootOf(
  { captured, oversized }: PlanSource,
  root: string | null,
): NonNullable<NodeSource["monorepo"]> | null {
  if (root === null) return null;
  const pathOf = (name: string) => posix.join(root, name);
  return {
    read: (name) => captured.get(pathOf(name)),
    names: [...nodeControlFiles.keys()].filter(
      (name) => captured.has(pathOf(name)) || oversized.has(pathOf(name)),
    ),
  };
}

function planOfNode(
  source: PlanSource,
  read: (name: string) => Buffer | undefined,
  root: string | null,
  inline: boolean,
): NodePlan | null {
  const { names, variables } = source;
  const chosen = variables["BUILDPACK_NAME"] ?? "";
  const byUrl = (variables["BUILDPACK_URL"] ?? "") !== "" || names.includes(".buildpacks");
  if (byUrl || !names.includes("package.json") || !["", "nodejs", "inline"].includes(chosen)) return null;
  const plan = () => {
    const monorepo = rootOf(source, root);
    const node = planNode({ read, names, variables, monorepo, ownBuildpack: inline });
    // Only one folder of the source is built, and only the build container can tell whether the rest is needed.
    return projectDirectory(variables) === "" ? node : { ...node, install: null };
  };
  if (!inline) return chosen === "inline" ? null : plan();
  try {
    // Its own bin/release says what serves.
    return { ...plan(), serves: "node", install: null };
  } catch (error) {
    // The app's own bin/detect decides whether this is a Node.js app at all.
    if (error instanceof SlipwayError && error.fault === "user") return null;
    throw error;
  }
}
