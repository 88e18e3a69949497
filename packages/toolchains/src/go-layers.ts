// The layer of a Go toolchain, which only builds have.

import type { GoProxy } from "./go-proxy.ts";
import type { GoChoice } from "./go-versions.ts";
import type { LayerPlan, Toolchain } from "./layer-plans.ts";
import type { Architecture } from "./platform-packages.ts";

const goHome = "opt/slipway/go";
/** Tests, their data, documentation, the sources of Go's own programs, and programs that builds do not need. */
const omitted =
  /^(?:test|doc|api|misc|lib\/wasm|src\/cmd)\/|(?:^|\/)testdata\/|_test\.go$|^pkg\/tool\/[^/]+\/(?:addr2line|doc|fix|nm|objdump|pprof|test2json|trace)$/;
/** Paths of executable files, because a module's archive contains no modes. */
const programs = /^(?:bin|pkg\/tool)\//;

/** @returns the toolchains of builds and of releases. */
export function goToolchains(
  parts: { readonly proxy: GoProxy; readonly architecture: Architecture },
  choice: Pick<GoChoice, "version" | "hash">,
): { readonly build: Toolchain; readonly run: Toolchain } {
  return {
    build: { layers: [goLayer(parts, choice)], path: [`/${goHome}/bin`] },
    run: { layers: [], path: [] },
  };
}

/** If a layer could not be verified, it is made again when it can be. */
export function goLayer(
  { proxy, architecture }: { readonly proxy: GoProxy; readonly architecture: Architecture },
  { version, hash }: Pick<GoChoice, "version" | "hash">,
): LayerPlan {
  return {
    key: `go ${version} ${architecture} ${hash ?? "unchecked"}`,
    parts: [
      {
        files: async function* (signal) {
          for await (const file of proxy.files({ version, architecture, hash }, signal))
            yield { ...file, isExecutable: programs.test(file.path) };
        },
        // A module cannot contain another one, so the archive renames files that would turn folders into modules.
        place: (path) =>
          omitted.test(path) ? null : `${goHome}/${path.replace(/(^|\/)_go\.mod$/, "$1go.mod")}`,
      },
    ],
    links: [],
  };
}
