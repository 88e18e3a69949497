// The toolchain of PHP apps: PHP with its extensions and Composer, from the stack's distribution.

import { launchFiles } from "@slipway/buildpacks";
import type { PhpPlan } from "@slipway/buildpacks";
import { SlipwayError } from "@slipway/core";
import { fitsComposer, phpPackages, phpToolchains, phpVersions } from "@slipway/toolchains";
import type { LanguageToolchain } from "./language-toolchains.ts";
import { openPackagedToolchain } from "./packaged-toolchain.ts";
import type { PackagedToolchainOptions } from "./packaged-toolchain.ts";

export function openPhpToolchain(options: PackagedToolchainOptions): LanguageToolchain<PhpPlan> {
  const server = launchFiles("php");
  return openPackagedToolchain(options, {
    names: phpPackages,
    describe: (plan, sets) => {
      const versions = phpVersions(sets);
      checkVersion(plan, versions.php);
      return {
        lines: [
          `-----> Using PHP ${versions.php} and Composer ${versions.composer} of the stack's distribution`,
          ...(plan.root === null
            ? []
            : [`       The folder that is served is ${plan.root === "." ? "the app itself" : plan.root}`]),
        ],
        versions,
      };
    },
    toolchains: (parts, sets) => phpToolchains(parts, sets, server),
  });
}

/** @throws {SlipwayError} "build-failed" when composer.json requires another version, and no Composer install checks the version. */
export function checkVersion({ uncheckedPhp }: Pick<PhpPlan, "uncheckedPhp">, php: string): void {
  if (uncheckedPhp === "" || fitsComposer(php, uncheckedPhp) !== false) return;
  throw new SlipwayError(
    "build-failed",
    `composer.json requires PHP ${uncheckedPhp.slice(0, 100)}, and this stack has PHP ${php}. Change what composer.json requires, or choose another stack of this installation: slipway apps set APP --stack NAME`,
  );
}
