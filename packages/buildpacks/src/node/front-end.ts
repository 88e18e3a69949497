// Decides from control files whether an app with a build script is a front end, which is built with Node.js and runs without it.

import { SlipwayError } from "@slipway/core";
import { parseProcfile } from "../procfile.ts";
import { startsDevServer } from "./dev-server.ts";
import type { PackageJson } from "./package-json.ts";
import type { LanguageSource } from "../language.ts";

/** Programs that build an app with a server of its own, and the way to start that server. */
const servers: readonly {
  readonly name: string;
  readonly start: string;
  readonly fits: (manifest: PackageJson) => boolean;
}[] = [
  { name: "Astro with @astrojs/node", start: "node dist/server/entry.mjs", fits: dependsOn("@astrojs/node") },
  {
    name: "SvelteKit with @sveltejs/adapter-node",
    start: "node build",
    fits: dependsOn("@sveltejs/adapter-node"),
  },
  { name: "Nest", start: "node dist/main", fits: dependsOn("@nestjs/core") },
  {
    name: "nuxt build",
    start: "node .output/server/index.mjs",
    fits: ({ scripts }) => /\b(nuxt|nuxi) build\b/.test(scripts["build"] ?? ""),
  },
];

/**
 * @param web the command that starts the app without a Procfile; null when nothing defines one.
 * @returns whether the output of the app's build is served as static files: the app has a build script, and no server or a
 * static.json with a "root".
 * @throws {SlipwayError} "build-failed" when the build creates a server, but the app does not define how to start it.
 */
export function isFrontEnd(manifest: PackageJson, source: LanguageSource, web: string | null): boolean {
  const { build, "heroku-postbuild": postbuild, start = "" } = manifest.scripts;
  if (!build && !postbuild) return false;
  if (hasWebLine(source)) return false;
  if (start !== "" && source.variables["BUILDPACK_NAME"] === "nodejs") return false;
  if (hasStaticRoot(source)) return true;
  if (start === "" ? web !== null : !startsDevServer(manifest.scripts, "start")) return false;
  const server = servers.find(({ fits }) => fits(manifest));
  if (server !== undefined) throw noStart(server, start);
  return true;
}

function hasWebLine({ read, names }: LanguageSource): boolean {
  if (!names.includes("Procfile")) return false;
  const text = read("Procfile");
  // A file that is too large or a link is read in the build container.
  return text === undefined || parseProcfile(text.toString("utf8")).processTypes["web"] !== undefined;
}

/** An invalid static.json is reported by the static buildpack. */
function hasStaticRoot({ read }: LanguageSource): boolean {
  try {
    const settings = JSON.parse(read("static.json")?.toString("utf8") ?? "{}") as { root?: unknown } | null;
    return typeof settings?.root === "string" && settings.root !== "";
  } catch {
    return false;
  }
}

function dependsOn(name: string): (manifest: PackageJson) => boolean {
  return (manifest) =>
    [manifest["dependencies"], manifest["devDependencies"]].some(
      (list) => typeof list === "object" && list !== null && name in list,
    );
}

function noStart(server: { readonly name: string; readonly start: string }, start: string): SlipwayError {
  const reason = start === "" ? "" : ` Its "start" script, ${start.slice(0, 80)}, is a development server.`;
  return new SlipwayError(
    "build-failed",
    `The app does not say how it starts: ${server.name} makes a server.${reason} Set the "start" script of package.json, or a line "web:" of a Procfile, to "${server.start}". To serve files of the build without a server, name their folder as "root" in a static.json.`,
  );
}
