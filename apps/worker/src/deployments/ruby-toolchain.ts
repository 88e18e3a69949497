// The toolchain of Ruby apps: Ruby with Bundler, from the stack's distribution.

import type { RubyPlan } from "@slipway/buildpacks";
import { rubyPackages, rubyToolchains, rubyVersions } from "@slipway/toolchains";
import type { LanguageToolchain } from "./language-toolchains.ts";
import { openPackagedToolchain } from "./packaged-toolchain.ts";
import type { PackagedToolchainOptions } from "./packaged-toolchain.ts";

export function openRubyToolchain(options: PackagedToolchainOptions): LanguageToolchain<RubyPlan> {
  return openPackagedToolchain(options, {
    names: rubyPackages,
    describe: (plan, sets) => {
      const versions = rubyVersions(sets);
      const { ruby, bundler } = versions;
      return {
        lines: [
          `-----> Using Ruby ${ruby} and Bundler ${bundler} of the stack's distribution`,
          ...versionWarning(plan, ruby),
        ],
        versions,
      };
    },
    toolchains: rubyToolchains,
  });
}

/** @returns a warning when a file for version managers names another series. The version in a Gemfile is checked by Bundler. */
export function versionWarning({ version }: Pick<RubyPlan, "version">, ruby: string): readonly string[] {
  if (version === null || seriesOf(version.wanted) === seriesOf(ruby)) return [];
  return [
    ` !     ${version.file} names Ruby ${version.wanted}, but this stack has ${ruby}. Another stack may have it: slipway apps set APP --stack NAME`,
  ];
}

function seriesOf(version: string): string {
  return version.split(".").slice(0, 2).join(".");
}
