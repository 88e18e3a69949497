// The toolchains of all languages: for each language the versions that an app gets, and images with them.

import type { LanguagePlan } from "@slipway/buildpacks";
import type { ToolchainImages, ToolchainPair } from "./toolchain-images.ts";

/** Versions that were chosen for an app. */
export interface ChosenToolchain {
  /** Lines for the deployment's log: what was chosen and why. */
  readonly lines: readonly string[];
  /** Version by name of each program, for the receipt. */
  readonly versions: Readonly<Record<string, string>>;
  readonly toolchains: ToolchainPair;
  /**
   * Finds or makes the images. @param beside another toolchain in the same images, whose programs are found after this one's.
   * @throws {SlipwayError} "toolchain-unavailable", "registry-unavailable".
   */
  images(signal: AbortSignal, beside: ToolchainPair | null): Promise<ToolchainImages>;
}

/** What a toolchain needs of an attempt that uses it. */
export interface ToolchainWork {
  /** For what takes its time. */
  readonly say: (line: string) => void;
}

export interface LanguageToolchain<P extends LanguagePlan> {
  /** @throws {SlipwayError} "build-failed" when a version that the app wants is not available; "toolchain-unavailable". */
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
  // The type of the toolchain follows from the plan's kind, which the compiler cannot express for a union.
  const toolchain: LanguageToolchain<LanguagePlan> = toolchains[plan.kind];
  return toolchain.choose(plan, signal, work);
}
