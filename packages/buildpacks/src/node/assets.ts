// Decides whether Node.js is part of the build of an app in another language, whose package.json builds its assets (Vite, esbuild …).

import { SlipwayError } from "@slipway/core";
import type { LanguageFacts, LanguageSource } from "../language.ts";
import { parseProcfile } from "../procfile.ts";
import { isStarted } from "../process-types.ts";
import { callsNode, packageManagement } from "./package-manager.ts";
import { planPackages, readManifest, scriptsOf } from "./packages-plan.ts";
import type { NodePlan } from "./plan.ts";

interface PlannedAssets {
  /** Null when Node.js is not needed. */
  readonly assets: NodePlan | null;
  readonly warnings: readonly string[];
}

const nothing: PlannedAssets = { assets: null, warnings: [] };

/** Variables that disable Node.js. The first one also disables the asset tasks of Rails. */
const switches = ["DISABLE_ASSETS", "DISABLE_NODE_ASSETS"];

/**
 * @param language the app's language. Its scripts may call Node.js, as `rake assets:precompile` does.
 * @returns a plan that is `releasedOn` the stack unless a process of the Procfile calls Node.js.
 * @throws {SlipwayError} "build-failed" when package.json cannot be used, with what to change.
 */
export function planAssets(
  source: LanguageSource,
  language: Pick<LanguageFacts, "callsNode">,
): PlannedAssets {
  const { names, read, variables } = source;
  if (!names.includes("package.json") || read("package.json") === undefined) return nothing;
  if (switches.some((name) => !["", "0"].includes(variables[name] ?? ""))) return nothing;
  const manifest = readManifest(source);
  const { scripts, hasBuild } = scriptsOf(manifest);
  // A package.json without a build may list only development tools, whose installation could fail a build without need.
  if (!hasBuild && language.callsNode !== true) return nothing;
  if (packageManagement(manifest, names).lockFile === null) return hasBuild ? without(noLock) : nothing;
  // The build would replace the source's node_modules, and the release would not have it.
  if (names.includes("node_modules/")) return without(servedModules);
  const { processTypes } = parseProcfile(read("Procfile")?.toString("utf8") ?? "");
  const started = Object.entries(processTypes).flatMap(([type, command]) =>
    isStarted(type) ? [command] : [],
  );
  const isReleased = callsNode(started);
  const { plan } = planPackages(source, manifest, started);
  const assets: NodePlan = {
    ...plan,
    kind: "nodejs",
    // Packages that a release needs are installed with the app; they are not part of a separate build install.
    install: isReleased || scripts === "install" ? null : plan.install,
    scripts,
    releasedOn: isReleased ? "dependencies" : "stack",
    web: null,
    runnerArguments: [],
  };
  return { assets, warnings: [] };
}

/**
 * @param title the name of the app's language.
 * @returns the error, with advice on building the app without Node.js if the user can follow it; any other error unchanged.
 */
export function assetsError(error: unknown, title: string): unknown {
  if (!(error instanceof SlipwayError) || error.fault !== "user") return error;
  const advice = `The language of this app is ${title}: DISABLE_NODE_ASSETS=1 leaves Node.js out of its build.`;
  return new SlipwayError(error.code, `${error.message}\n${advice}`, { cause: error });
}

const noLock =
  "The build script of package.json does not run, because there is no lock file beside it. Run npm install, and add package-lock.json to the source.";
const servedModules =
  "Node.js does not build assets, because node_modules is part of the source, and the app may serve its files. Leave node_modules out of the source if the build should install it.";

function without(warning: string): PlannedAssets {
  return { assets: null, warnings: [warning] };
}
