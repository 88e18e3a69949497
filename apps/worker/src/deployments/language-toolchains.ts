// The toolchains of all languages: each chooses an app's versions, and provides images with them.

import type { LanguagePlan } from "@slipway/buildpacks";
import type { ToolchainImages, ToolchainPair } from "./toolchain-images.ts";

/** The versions chosen for an app. */
export interface ChosenToolchain {
  /** Lines for the deployment's log: the choices and their reasons. */
  readonly lines: readonly string[];
  /** Versions by program name, for the receipt. */
  readonly versions: Readonly<Record<string, string>>;
  readonly toolchains: ToolchainPair;
  /**
   * Finds or creates the images.
   * @param beside another toolchain in the same images, whose programs come after this toolchain's programs in the path.
   * @throws {SlipwayError} "toolchain-unavailable", "registry-unavailable".
   */
  images(signal: AbortSignal, beside: ToolchainPair | null): Promise<ToolchainImages>;
}

/** The parts of an attempt that a toolchain uses. */
export interface ToolchainWork {
  /** Receives lines about work that takes long. */
  readonly say: (line: string) => void;
}

export interface LanguageToolchain<P extends LanguagePlan> {
  /** @throws {SlipwayError} "build-failed" when a version that the app requires is not available; "toolchain-unavailable". */
  choose(plan: P, signal: AbortSignal, work: ToolchainWork): Promise<ChosenToolchain>;
}

export type LanguageToolchains = {
  readonly [Kind in LanguagePlan["kind"]]: LanguageToolchain<Extract<LanguagePlan, { kind: Kind }>>;
};

/** Chooses the toolchain of the plan's language. @throws {SlipwayError} as `LanguageToolchain.choose`. */
export async function chooseToolchain(
  toolchains: LanguageToolchains,
  plan: LanguagePlan,
  signal: AbortSignal,
  work: ToolchainWork,
): Promise<ChosenToolchain> {
  // The plan's kind determines the type of the toolchain, which the compiler cannot express for a union.
  const toolchain: LanguageToolchain<LanguagePlan> = toolchains[plan.kind];
  return toolchain.choose(plan, signal, work);
}
