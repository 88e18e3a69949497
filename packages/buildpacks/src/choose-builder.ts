// Decides which builder builds a source, from the app's setting, its variables and the names in the source.

import { readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { SlipwayError } from "@slipway/core";
import type { BuilderKind, BuilderSetting, SourceBuilder } from "@slipway/core";
import { bundledBuildpacks } from "./bundled.ts";
import { readProjectDescriptor } from "./cnb/project-descriptor.ts";
import { languages } from "./languages.ts";
import { controlFileExists, type PlanSource, projectDirectory } from "./plan-source.ts";
import {
  type BuildpackCatalogue,
  type CataloguedBuildpack,
  detectedInCatalogue,
} from "./remote/catalogue.ts";
import { defaultStacksDir } from "./stack-files.ts";

export interface BuilderChoice {
  readonly kind: SourceBuilder;
  /** The reason for the choice, for the log: continues "because …". */
  readonly reason: string;
  /** The buildpack of the operator's catalogue that matches the source's files; absent if none does. */
  readonly detected?: CataloguedBuildpack;
}

const defaultDockerfile = "Dockerfile";
const maxDockerfileBytes = 256 * 1024;

/** @returns the Dockerfile's path in the source, from DOCKERFILE_PATH relative to PROJECT_DIR; null if it is outside. */
export function dockerfilePath(variables: Readonly<Record<string, string>>): string | null {
  const { DOCKERFILE_PATH: given = "" } = variables;
  const path = posix.normalize(posix.join(projectDirectory(variables), given || defaultDockerfile));
  return path.startsWith("../") || path.startsWith("/") ? null : path;
}

/** @returns the paths of the files that decide how a Dockerfile is built, each with its maximum size in bytes. */
export function dockerfileControlFiles(
  variables: Readonly<Record<string, string>>,
): ReadonlyMap<string, number> {
  const path = dockerfilePath(variables);
  const ignores = [
    posix.join(projectDirectory(variables), ".dockerignore"),
    ...(path === null ? [] : [`${path}.dockerignore`]),
  ];
  const files = path === null ? ignores : [path, ...ignores];
  return new Map(files.map((name) => [name, maxDockerfileBytes]));
}

/** The builders that an installation allows, and the builder images. */
export interface BuilderOffer {
  /** The kinds that the operator allows. */
  readonly allowed: readonly BuilderKind[];
  /** The operator's default builder image for Cloud Native Buildpacks; null for none. */
  readonly cnbBuilder: string | null;
  /** The app's builder image; null for none. */
  readonly builderImage: string | null;
  readonly catalogue: BuildpackCatalogue;
}

/**
 * @throws {SlipwayError} "no-buildpack" when no allowed builder fits, with the files that were looked for; "build-failed" for a
 * DOCKERFILE_PATH outside of the source.
 */
export function chooseBuilder(
  setting: BuilderSetting,
  offer: BuilderOffer,
  source: PlanSource,
): BuilderChoice {
  const { allowed } = offer;
  const requested = requestedBuildpack(source);
  if (setting !== "auto") {
    if (!allowed.includes(setting)) throw notAllowed(`the app's builder is ${setting}`, setting);
    const reason = "it is the app's setting";
    if (setting !== "buildpacks" || requested !== null || detected(source) !== null)
      return { kind: setting, reason };
    return { ...catalogued(offer, source), kind: setting, reason };
  }
  const descriptor = requested === null ? describedBuild(offer, source) : null;
  if (descriptor !== null) return { kind: "cnb", reason: descriptor };
  const found = requested ?? detected(source);
  if (found !== null) {
    if (!allowed.includes("buildpacks")) throw notAllowed(found, "buildpacks");
    return { kind: "buildpacks", reason: found };
  }
  return withoutBundled(offer, source);
}

function withoutBundled(offer: BuilderOffer, source: PlanSource): BuilderChoice {
  const { allowed, cnbBuilder, catalogue } = offer;
  const dockerfile = dockerfilePath(source.variables);
  if (dockerfile === null) throw outside(source.variables["DOCKERFILE_PATH"] ?? "");
  const found = source.captured.has(dockerfile) || source.oversized.has(dockerfile);
  if (found && allowed.includes("dockerfile"))
    return { kind: "dockerfile", reason: `there is a ${dockerfile}` };
  const choice = allowed.includes("buildpacks") ? catalogued(offer, source) : null;
  if (choice !== null) return choice;
  if (allowed.includes("cnb") && cnbBuilder !== null)
    return { kind: "cnb", reason: "no other builder fits, and the operator has set CNB_BUILDER" };
  if (found)
    throw notAllowed(`there is a ${dockerfile} and nothing that a bundled buildpack looks for`, "dockerfile");
  throw new SlipwayError(
    "no-buildpack",
    `no builder fits the source. Looked for: ${lookedFor(allowed, dockerfile, catalogue)}`,
  );
}

/** Looks for a buildpack of the operator's catalogue. */
function catalogued({ catalogue }: BuilderOffer, { names }: PlanSource): BuilderChoice | null {
  const found = detectedInCatalogue(catalogue, names);
  if (found === null) return null;
  const { buildpack, file } = found;
  const reason = `the buildpack ${buildpack.name} of the operator's catalogue looks for ${file}`;
  return { kind: "buildpacks", reason, detected: buildpack };
}

/** A project.toml counts only if a builder image is set. */
function describedBuild(
  { allowed, cnbBuilder, builderImage }: BuilderOffer,
  source: PlanSource,
): string | null {
  if (!allowed.includes("cnb")) return null;
  if (builderImage !== null) return "the app has a builder image";
  const descriptor = readProjectDescriptor(source);
  if (descriptor === null || (descriptor.builder ?? cnbBuilder) === null) return null;
  return "there is a project.toml";
}

/** The setting of the variables or the source that asks for buildpacks; null for none. */
function requestedBuildpack({ names, variables }: PlanSource): string | null {
  for (const name of ["BUILDPACK_URL", "BUILDPACK_NAME"]) if (variables[name]) return `${name} is set`;
  return names.includes(".buildpacks") ? "there is a .buildpacks" : null;
}

function detected(source: PlanSource): string | null {
  const { captured, names, variables } = source;
  const folder = projectDirectory(variables);
  // The build reports a missing project directory. A symbolic link to a directory is only resolved there.
  if (names.length === 0) return `the source has no files in ${folder === "" ? "its root" : folder}`;
  const read = (name: string) => captured.get(posix.join(folder, name));
  const app = { read, exists: (name: string) => controlFileExists(source, name), names, variables };
  const exists = (name: string) => names.includes(name) || app.exists(name);
  for (const buildpack of bundledBuildpacks().names) {
    const language = languages.find(({ kind }) => kind === buildpack);
    if (language !== undefined && !language.detects(names, app)) continue;
    const set = detectedSets(buildpack).find((files) => files.every(exists));
    if (set !== undefined) return `the buildpack ${buildpack} found ${set.join(" and ")}`;
  }
  return null;
}

/** The sets of files that a bundled buildpack's bin/detect looks for: it needs all files of one set. */
function detectedSets(buildpack: string): readonly (readonly string[])[] {
  const lines = textOf(buildpack, "detects").split("\n");
  return lines.map((line) => line.split(" "));
}

function textOf(buildpack: string, file: "detects" | "looks-for"): string {
  return readFileSync(join(defaultStacksDir, "buildpacks", buildpack, file), "utf8").trim();
}

function lookedFor(
  allowed: readonly BuilderKind[],
  dockerfile: string,
  catalogue: BuildpackCatalogue,
): string {
  const others = catalogue
    .filter(({ detects }) => detects.length > 0)
    .map(({ name, detects }) => `${detects.join(" or ")} (buildpack ${name})`);
  const buildpacks = bundledBuildpacks().names.map(
    (name) => `${textOf(name, "looks-for")} (buildpack ${name})`,
  );
  return [
    "BUILDPACK_URL, BUILDPACK_NAME, .buildpacks",
    ...(allowed.includes("cnb") ? ["project.toml with a builder image"] : []),
    ...(allowed.includes("buildpacks") ? buildpacks : []),
    ...(allowed.includes("dockerfile") ? [dockerfile] : []),
    ...(allowed.includes("buildpacks") ? others : []),
  ].join("; ");
}

function outside(path: string): SlipwayError {
  return new SlipwayError("build-failed", `DOCKERFILE_PATH is ${path}: it must be a file inside the source`);
}

function notAllowed(found: string, kind: SourceBuilder): SlipwayError {
  const message = `${found}, but this installation does not allow the builder ${kind}: its operator would have to add it to BUILDERS`;
  const hint = `Ask the operator to add ${kind} to BUILDERS, or set the app's builder to one that is allowed`;
  return new SlipwayError("no-buildpack", message, { hint });
}
