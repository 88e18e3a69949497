// Decides whether Node.js is part of the build of an app in another language, whose package.json builds its assets (Vite, esbuild …).

import type { LanguageFacts, LanguageSource } from "../language.ts";
import { parseProcfile } from "../procfile.ts";
import { isStarted } from "../process-types.ts";
import { callsNode, packageManagement } from "./package-manager.ts";
import { planPackages, readManifest, scriptsOf } from "./packages-plan.ts";
import type { NodePlan } from "./plan.ts";

interface PlannedAssets {
  /** Null when there is nothing for Node.js to do. */
  readonly assets: NodePlan | null;
  readonly warnings: readonly string[];
}

const nothing: PlannedAssets = { assets: null, warnings: [] };

/**
 * @param language that serves the app. If its build runs scripts, these may call Node.js, as `rake assets:precompile` does.
 * @returns a plan that is `releasedOn` the stack unless a process of the Procfile calls Node.js.
 * @throws {SlipwayError} "build-failed" when package.json cannot be used, with what to change.
 */
export function planAssets(source: LanguageSource, language: Pick<LanguageFacts, "scripts">): PlannedAssets {
  const { names, read, variables } = source;
  if (!names.includes("package.json") || read("package.json") === undefined) return nothing;
  if (!["", "0"].includes(variables["DISABLE_ASSETS"] ?? "")) return nothing;
  const manifest = readManifest(source);
  const { scripts, hasBuild } = scriptsOf(manifest);
  if (!hasBuild && language.scripts === "none") return nothing;
  if (packageManagement(manifest, names).lockFile === null) return hasBuild ? withoutLock() : nothing;
  const { processTypes } = parseProcfile(read("Procfile")?.toString("utf8") ?? "");
  const started = Object.entries(processTypes).flatMap(([type, command]) =>
    isStarted(type) ? [command] : [],
  );
  const isReleased = callsNode(started);
  const { plan } = planPackages(source, manifest, started);
  const assets: NodePlan = {
    ...plan,
    kind: "nodejs",
    // What a release needs is installed with the app: its packages are not those of the build.
    install: isReleased || scripts === "install" ? null : plan.install,
    scripts,
    releasedOn: isReleased ? "dependencies" : "stack",
    web: null,
    runnerArguments: [],
  };
  return { assets, warnings: [] };
}

function withoutLock(): PlannedAssets {
  const warning =
    "The build script of package.json does not run, because there is no lock file beside it. Run npm install, and add package-lock.json to the source.";
  return { assets: null, warnings: [warning] };
}
