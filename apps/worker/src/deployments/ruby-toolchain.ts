// The toolchain of Ruby apps: Ruby with Bundler, as the stack's distribution has them.

import type { RubyPlan } from "@slipway/buildpacks";
import { rubyPackages, rubyToolchains, rubyVersions } from "@slipway/toolchains";
import type { LanguageToolchain } from "./language-toolchains.ts";
import { openPackagedToolchain } from "./packaged-toolchain.ts";
import type { PackagedToolchainOptions } from "./packaged-toolchain.ts";

export function openRubyToolchain(options: PackagedToolchainOptions): LanguageToolchain<RubyPlan> {
  return openPackagedToolchain(options, {
    names: rubyPackages,
    describe: (_plan, sets) => {
      const versions = rubyVersions(sets);
      const { ruby, bundler } = versions;
      return {
        lines: [`-----> Using Ruby ${ruby} and Bundler ${bundler} of the stack's distribution`],
        versions,
      };
    },
    toolchains: rubyToolchains,
  });
}
