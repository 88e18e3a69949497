// The layers of Node.js toolchains: Node.js with npm, its headers, and a package manager.

import { posix } from "node:path";
import type { PackageHash } from "@slipway/buildpacks";
import { unavailable } from "./failures.ts";
import type { LayerPlan, Toolchain } from "./layer-plans.ts";
import { npmPart } from "./npm-part.ts";
import type { NpmRegistry } from "./npm-registry.ts";
import type { PackageManagerChoice } from "./package-managers.ts";
import { nodePackage } from "./platform-packages.ts";
import type { Architecture } from "./platform-packages.ts";

const nodeHome = "opt/slipway/node";

/** The field with an app's hash, for messages. */
const wantedBy = "packageManager of package.json";

/**
 * Node.js and npm: no headers, documentation or manual.
 * @param npmHash hash of npm's tarball, if the app specifies one.
 */
export function nodeLayer(
  npm: NpmRegistry,
  version: string,
  npmVersion: string,
  architecture: Architecture,
  npmHash?: PackageHash,
): LayerPlan {
  const npmHome = `${nodeHome}/lib/node_modules/npm`;
  return {
    key: [
      `node ${version} npm ${npmVersion} ${architecture}`,
      ...(npmHash ? [JSON.stringify(npmHash)] : []),
    ].join(" "),
    parts: [
      npmPart(npm, {
        package: { name: nodePackage(architecture), version },
        place: (path) => (path === "bin/node" || path === "LICENSE" ? `${nodeHome}/${path}` : null),
      }),
      npmPart(npm, {
        package: { name: "npm", version: npmVersion },
        place: (path) => (/^(docs|man)\/|(^|\/)CHANGELOG\.md$/.test(path) ? null : `${npmHome}/${path}`),
        ...(npmHash && { expected: { hash: npmHash, file: null, wantedBy } }),
      }),
    ],
    links: ["npm", "npx"].map((name) => ({
      kind: "symbolic",
      path: `${nodeHome}/bin/${name}`,
      target: `${npmHome}/bin/${name}-cli.js`,
    })),
  };
}

/** Node.js's headers, which native add-ons compile against. */
export function headersLayer(npm: NpmRegistry, version: string, architecture: Architecture): LayerPlan {
  return {
    key: `headers ${version} ${architecture}`,
    parts: [
      npmPart(npm, {
        package: { name: nodePackage(architecture), version },
        place: (path) => (path.startsWith("include/node/") ? `${nodeHome}/${path}` : null),
      }),
    ],
    links: [],
  };
}

/**
 * A package manager in a separate folder, with its commands beside Node.js's.
 * @throws {SlipwayError} "toolchain-unavailable" when a command is not a file of the package.
 */
export function packageManagerLayer(npm: NpmRegistry, choice: PackageManagerChoice): LayerPlan {
  const { name, version, hash, program } = choice;
  const home = `opt/slipway/${name}`;
  const commands = Object.entries(choice.commands).map(([command, path]) =>
    checkCommand(choice, command, path),
  );
  const replaced = new Set(program === undefined ? [] : commands.map(([, path]) => path));
  const main = {
    package: choice.package,
    place: (path: string) => (replaced.has(path) ? null : `${home}/${path}`),
  };
  const expected = hash && { hash, file: hashedFile(choice), wantedBy };
  const programPart = program && {
    package: program,
    place: (path: string) => (path === name ? `${home}/${name}` : null),
  };
  return {
    key: `${name} ${version} ${JSON.stringify([choice.package, program, commands, hash])}`,
    parts: [
      npmPart(npm, { ...main, ...(expected && { expected }) }),
      ...(programPart ? [npmPart(npm, programPart)] : []),
    ],
    links: [
      // The program determines its command from its own name, after resolving symbolic links.
      ...[...replaced]
        .filter((path) => path !== name)
        .map((path) => ({ kind: "hard" as const, path: `${home}/${path}`, target: `${home}/${name}` })),
      ...commands.map(([command, path]) => ({
        kind: "symbolic" as const,
        path: `${nodeHome}/bin/${command}`,
        target: `${home}/${path}`,
      })),
    ],
  };
}

/** Corepack hashes the only file that it uses of yarn 2 and later, and the tarballs of other package managers. */
function hashedFile({ name, version }: PackageManagerChoice): string | null {
  return name === "yarn" && !version.startsWith("1.") ? "bin/yarn.js" : null;
}

function checkCommand(
  { name, version }: PackageManagerChoice,
  command: string,
  path: string,
): readonly [command: string, path: string] {
  const clean = posix.normalize(path);
  if (
    !/^[a-z0-9_-]{1,50}$/i.test(command) ||
    !/^[a-z0-9_][\w./-]{0,200}$/i.test(clean) ||
    clean.includes("..")
  )
    throw unavailable(`The npm registry names ${path} as the command ${command} of ${name} ${version}.`);
  return [command, clean];
}

export interface NodeToolchain {
  readonly nodeVersion: string;
  readonly npmVersion: string;
  /** Hash of npm's tarball, if the app specifies one. */
  readonly npmHash?: PackageHash | undefined;
  /** Whether the image contains Node.js's headers, for builds with native add-ons. */
  readonly headers?: boolean;
  readonly packageManager?: PackageManagerChoice | undefined;
}

/** @returns the toolchain with Node.js and npm, and if requested the headers and a package manager, in this order. */
export function nodeToolchain(
  { npm, architecture }: { readonly npm: NpmRegistry; readonly architecture: Architecture },
  { nodeVersion, npmVersion, npmHash, headers = false, packageManager }: NodeToolchain,
): Toolchain {
  return {
    layers: [
      nodeLayer(npm, nodeVersion, npmVersion, architecture, npmHash),
      ...(headers ? [headersLayer(npm, nodeVersion, architecture)] : []),
      ...(packageManager ? [packageManagerLayer(npm, packageManager)] : []),
    ],
    path: [`/${nodeHome}/bin`, "/app/node_modules/.bin"],
  };
}
