// The npm packages that contain programs for one architecture.

import { SlipwayError } from "@slipway/core";

/** In the notation of `process.arch`. */
export type Architecture = "x64" | "arm64";

/** @throws {SlipwayError} "configuration-invalid" for an architecture without Node.js in the npm registry. */
export function architectureOf(name: string): Architecture {
  if (name === "x64" || name === "arm64") return name;
  throw new SlipwayError("configuration-invalid", `There is no Node.js in the npm registry for ${name}.`);
}

export function nodePackage(architecture: Architecture): string {
  return `node-linux-${architecture}`;
}

/** For x64 the variant that runs on every processor: the default one needs AVX2. */
export function bunPackage(architecture: Architecture): string {
  return architecture === "x64" ? "@oven/bun-linux-x64-baseline" : "@oven/bun-linux-aarch64";
}

/** pnpm itself as a program, since pnpm 12. */
export function pnpmProgramPackage(architecture: Architecture): string {
  return `@pnpm/exe.linux-${architecture}`;
}
