// The layers of Ruby toolchains: Ruby with Bundler, libraries to which common gems link, and their headers for builds.

import type { Distribution, PackageContainers, PackageNames } from "./distribution.ts";
import type { Toolchain } from "./layer-plans.ts";
import { upstreamVersion } from "./package-lists.ts";
import type { PackageSets } from "./package-lists.ts";

/** Debian's packages. */
export const rubyPackages: PackageNames = {
  run: ["ruby", "bundler", "libmariadb3", "libsqlite3-0", "libxml2", "libxslt1.1", "libyaml-0-2"],
  build: [
    "ruby-dev",
    ...["ffi", "mariadb", "sqlite3", "xml2", "xslt1", "yaml"].map((name) => `lib${name}-dev`),
  ],
};

/** @returns the toolchains for builds and for releases. Only builds have headers. */
export function rubyToolchains(
  {
    distribution,
    containers,
  }: { readonly distribution: Distribution; readonly containers: PackageContainers },
  { run, build }: PackageSets,
): { readonly build: Toolchain; readonly run: Toolchain } {
  const ruby = distribution.layer(run, { language: null, containers });
  const headers = distribution.layer(build, { language: null, containers });
  return { build: { layers: [ruby, headers], path: [] }, run: { layers: [ruby], path: [] } };
}

/** @returns the versions of Ruby and of Bundler. @throws {SlipwayError} "toolchain-unavailable" when a package is missing. */
export function rubyVersions({ run }: PackageSets): { readonly ruby: string; readonly bundler: string } {
  return {
    ruby: upstreamVersion(run, /^ruby\d+\.\d+$/),
    bundler: upstreamVersion(run, /^ruby-bundler$/),
  };
}
