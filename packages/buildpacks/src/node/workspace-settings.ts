// The settings with which an install in a monorepo still depends only on manifests, the lock file and these settings. Any other
// setting may place packages elsewhere, copy files of workspaces, or read further files.

import { posix } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import type { ManagerName } from "./package-manager.ts";

export interface MonorepoSettings {
  readonly manager: ManagerName;
  readonly isYarn1: boolean;
  /** Files by their path in the monorepo, manifests included. */
  readonly files: ReadonlyMap<string, Buffer>;
  /** The app's variables. */
  readonly variables: Readonly<Record<string, string>>;
}

/** Registries and logins, and settings of pnpm's resolution, which the lock file already fixes. */
const npmrcSettings: readonly RegExp[] = [
  /^\/\//,
  /^(?:@[^:]+:)?registry$/,
  /^(?:_auth|_authToken|_password|username|email|always-auth|strict-ssl|fetch-[a-z-]+)$/,
  /^(?:auto-install-peers|dedupe-peer-dependents|engine-strict|strict-peer-dependencies)$/,
  /^(?:link-workspace-packages|prefer-workspace-packages|save-exact|save-prefix|save-workspace-protocol)$/,
  /^(?:hoist-pattern|public-hoist-pattern|shamefully-hoist)$/,
];
const harmlessVariables = /auth|token|password|registry|production$|loglevel$/i;
const settingVariables = /^(?:npm_config|npm_package_config|pnpm_config|yarn|bun)_/i;
/** Allowed values of `nodeLinker`. Without it yarn uses Plug'n'Play, which has not been compared with builds of the whole source. */
const linkers: Readonly<Record<"pnpm" | "yarn", readonly unknown[]>> = {
  pnpm: [undefined, "isolated", "hoisted"],
  yarn: ["node-modules"],
};
const linkerFiles = { pnpm: "pnpm-workspace.yaml", yarn: ".yarnrc.yml" } as const;
const linkerSchema = z.object({ nodeLinker: z.unknown() });

/** Whether an install reads no other settings. npm's settings are its `.npmrc` files, which every install has. */
export function settingsAreKnown(settings: MonorepoSettings): boolean {
  const { manager, files, variables } = settings;
  if (manager === "npm") return true;
  const given = Object.keys(variables).filter((name) => settingVariables.test(name));
  return (
    given.every((name) => harmlessVariables.test(name)) &&
    [...files].every(([path, content]) => npmrcIsKnown(path, content.toString("utf8"))) &&
    linkerIsKnown(settings)
  );
}

function npmrcIsKnown(path: string, text: string): boolean {
  return (
    posix.basename(path) !== ".npmrc" ||
    npmrcKeys(text).every((key) => npmrcSettings.some((known) => known.test(key)))
  );
}

function linkerIsKnown({ manager, isYarn1, files }: MonorepoSettings): boolean {
  if (isYarn1 || (manager !== "pnpm" && manager !== "yarn")) return true;
  const name = linkerFiles[manager];
  // A command that runs in a folder also reads that folder's settings.
  const isScattered = [...files.keys()].some((path) => path !== name && posix.basename(path) === name);
  return !isScattered && linkers[manager].includes(linkerIn(files.get(name)?.toString("utf8") ?? ""));
}

function npmrcKeys(text: string): readonly string[] {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  return lines
    .filter((line) => line !== "" && !/^[;#]/.test(line))
    .map((line) => line.replace(/(?:\[\])?\s*=.*$/, ""));
}

/** The file was parsed before: it is a mapping, or empty. */
function linkerIn(text: string): unknown {
  return linkerSchema.safeParse(parse(text, { maxAliasCount: 0, logLevel: "error" })).data?.nodeLinker;
}
