// The environment variables of builds and releases, and the names that users cannot set.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SlipwayError } from "@slipway/core";
import { defaultStacksDir } from "./stack-files.ts";
import type { BuildFile } from "./bundled.ts";

type Variables = Readonly<Record<string, string>>;

export interface BuildPlatform {
  readonly stack: string;
  /** The app's name. */
  readonly app: string;
  /** Folder of the source to build, overriding the variable PROJECT_DIR. */
  readonly projectDir?: string | undefined;
  /** The deployment's git ref; empty when it has none. */
  readonly sourceVersion: string;
  /** Time of the source, in seconds since 1970. Tools that write timestamps into their output use it (SOURCE_DATE_EPOCH). */
  readonly sourceTime: number;
  readonly requestId: string;
  /** Names of the available buildpacks, in the order in which their bin/detect scripts run. */
  readonly buildpacks: readonly string[];
  /** Names of buildpacks that all run, in this order, regardless of BUILDPACK_NAME; null to run one of the available ones. */
  readonly chosen: readonly string[] | null;
  /** Names in the operator's catalogue, for the message about an unknown BUILDPACK_NAME. */
  readonly catalogued: readonly string[];
  /** The npm registry for builds; null for the default. */
  readonly npmRegistry: string | null;
  /** The index of Python packages for builds. */
  readonly pythonIndex: string;
  /** The Go module proxy for builds. */
  readonly goProxy: string;
  /** The Go checksum database, the value of GOSUMDB. */
  readonly goChecksumDatabase: string;
  /** Path of the operator's CA bundle in the container; null without one. */
  readonly caBundle: string | null;
}

export interface BuildEnvironment {
  /** Variables that the build container is created with. */
  readonly environment: Variables;
  /** The ENV directory of the buildpack API: all variables as files `env/NAME`, to upload to /work. The runner exports them. */
  readonly files: readonly BuildFile[];
  /** Names of variables that the runner does not export. */
  readonly withheld: readonly string[];
}

export interface RunPlatform {
  readonly app: string;
  readonly appId: string;
  readonly stack: string;
  readonly region: string;
  /** The release's number. */
  readonly containerVersion: number;
  /** Value of HOME; null to keep the image's own. */
  readonly home: string | null;
}

/** The build runner reads the same file. */
const protectedNames = readFileSync(join(defaultStacksDir, "runner/protected-names"), "utf8")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"));
const protectedPrefixes = protectedNames
  .filter((name) => name.endsWith("*"))
  .map((name) => name.slice(0, -1));
const protectedNameSet = new Set(protectedNames);

/** @returns whether an app's variable with this name is withheld from the environment of builds and processes. */
export function isProtectedName(name: string): boolean {
  return protectedNameSet.has(name) || protectedPrefixes.some((prefix) => name.startsWith(prefix));
}

/**
 * @param options.variables the app's variables; BUILDPACK_NAME and PROJECT_DIR configure the build.
 * @throws {SlipwayError} "no-buildpack" when BUILDPACK_NAME is not the name of an available buildpack.
 */
export function buildEnvironment(options: {
  readonly variables: Variables;
  readonly platform: BuildPlatform;
}): BuildEnvironment {
  const { variables, platform } = options;
  const environment: Record<string, string> = {
    STACK: platform.stack,
    APP: platform.app,
    SOURCE_VERSION: platform.sourceVersion,
    SOURCE_DATE_EPOCH: String(platform.sourceTime),
    REQUEST_ID: platform.requestId,
    SLIPWAY_PYTHON_INDEX: platform.pythonIndex,
    BUILDPACKS: (platform.chosen ?? buildpacksToTry(variables, platform)).join(" "),
    SLIPWAY_GO_PROXY: platform.goProxy,
    SLIPWAY_GO_SUMDB: platform.goChecksumDatabase,
    CURL_CONNECT_TIMEOUT: "30",
    CURL_TIMEOUT: "180",
  };
  const projectDir = platform.projectDir ?? variables["PROJECT_DIR"];
  if (projectDir) environment["PROJECT_DIR"] = projectDir;
  if (platform.npmRegistry !== null) environment["npm_config_registry"] = platform.npmRegistry;
  if (platform.caBundle !== null) Object.assign(environment, caVariables(platform.caBundle));
  return {
    environment,
    files: Object.entries(variables).map(([name, value]) => variableFile(name, value)),
    withheld: Object.keys(variables).filter(isProtectedName),
  };
}

/** @returns the environment stored in a release: the buildpack's defaults, overridden by the app's variables. */
export function releaseEnvironment(options: {
  readonly variables: Variables;
  readonly configVars: Variables;
}): Variables {
  return { ...exportable(options.configVars), ...exportable(options.variables) };
}

/**
 * @returns the environment of a release's processes: the release's own, overridden by the platform's variables. The scheduler
 * adds the variables that differ between processes: PORT, CONTAINER, and HOSTNAME unless the app sets it.
 */
export function runEnvironment(options: {
  readonly environment: Variables;
  readonly platform: RunPlatform;
}): Variables {
  const { platform } = options;
  return {
    ...exportable(options.environment),
    ...(platform.home === null ? {} : { HOME: platform.home }),
    APP: platform.app,
    STACK: platform.stack,
    REGION_NAME: platform.region,
    CONTAINER_VERSION: String(platform.containerVersion),
    SCALINGO_APPLICATION_ID: platform.appId,
  };
}

function exportable(variables: Variables): Variables {
  return Object.fromEntries(Object.entries(variables).filter(([name]) => !isProtectedName(name)));
}

function buildpacksToTry(
  variables: Variables,
  { buildpacks: bundled, catalogued }: Pick<BuildPlatform, "buildpacks" | "catalogued">,
): readonly string[] {
  const chosen = variables["BUILDPACK_NAME"];
  if (!chosen) return bundled;
  if (bundled.includes(chosen)) return [chosen];
  throw new SlipwayError(
    "no-buildpack",
    `BUILDPACK_NAME is "${chosen}", which is not an available buildpack. Set it to one of ${[...bundled, ...catalogued].join(", ")}, or remove it.`,
  );
}

/** @param path path of a CA bundle in the container. @returns the variables through which tools find it. */
export function caVariables(path: string): Variables {
  return {
    SSL_CERT_FILE: path,
    NODE_EXTRA_CA_CERTS: path,
    CURL_CA_BUNDLE: path,
    GIT_SSL_CAINFO: path,
    PIP_CERT: path,
    npm_config_cafile: path,
  };
}

function variableFile(name: string, value: string): BuildFile {
  return { kind: "file", name: `env/${name}`, mode: 0o600, content: Buffer.from(value) };
}
