// The layers of PHP toolchains: PHP with its extensions, its web server, and Composer for builds.

import { createHash } from "node:crypto";
import type { Distribution, PackageContainers, PackageNames } from "./distribution.ts";
import type { LayerPlan, Toolchain } from "./layer-plans.ts";
import { packageFile } from "./package-entries.ts";
import { upstreamVersion } from "./package-lists.ts";
import type { PackageSets } from "./package-lists.ts";

const phpHome = "opt/slipway/php";
const serveProgram = "serve-php";

const extensions = "apcu bcmath curl gd gmp intl mbstring mysql pgsql redis soap sqlite3 xml zip".split(" ");

/** Debian's packages. They depend on the PHP version in the stack's release of Debian. */
export const phpPackages: PackageNames = {
  run: [
    ...extensions.map((name) => `php-${name}`),
    "php-cli",
    "php-fpm",
    // Replaces the whole of systemd, on which PHP-FPM depends.
    "systemd-standalone-tmpfiles",
  ],
  build: ["composer"],
};

/** @returns the toolchains for builds and for releases. Only builds have Composer. @param server files of the web server. */
export function phpToolchains(
  {
    distribution,
    containers,
  }: { readonly distribution: Distribution; readonly containers: PackageContainers },
  { run, build }: PackageSets,
  server: ReadonlyMap<string, Buffer>,
): { readonly build: Toolchain; readonly run: Toolchain } {
  const php = distribution.layer(run, { language: "php", containers });
  const composer = distribution.layer(build, { language: null, containers });
  return {
    build: { layers: [php, composer], path: [] },
    run: { layers: [php, serverLayer(server)], path: ["/app/vendor/bin", `/${phpHome}/bin`] },
  };
}

/** @returns the versions of PHP and of Composer. @throws {SlipwayError} "toolchain-unavailable" when a package is missing. */
export function phpVersions({ run, build }: PackageSets): {
  readonly php: string;
  readonly composer: string;
} {
  return {
    php: upstreamVersion(run, /^php\d+\.\d+-cli$/),
    composer: upstreamVersion(build, /^composer$/),
  };
}

function serverLayer(server: ReadonlyMap<string, Buffer>): LayerPlan {
  const hash = createHash("sha256");
  for (const [name, content] of server) hash.update(`${name} ${content.length}\n`).update(content);
  return {
    key: `php-server ${hash.digest("hex")}`,
    parts: [
      {
        files: async function* () {
          for (const [name, content] of server) yield packageFile(name, content, name === serveProgram);
        },
        place: (name) => (name === serveProgram ? `${phpHome}/bin/${name}` : `${phpHome}/${name}`),
      },
    ],
    links: [],
  };
}
