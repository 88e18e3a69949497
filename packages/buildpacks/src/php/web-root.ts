// Determines the folder of a PHP app that is served.

import { posix } from "node:path";
import { SlipwayError } from "@slipway/core";
import { jsonOf, stringOf } from "../documents.ts";
import type { LanguageSource } from "../language.ts";

/** Scripts that answer every request, in the folders that frameworks serve. */
export const frontControllers = ["public/index.php", "web/index.php"];

/** Whether one of the front controllers exists, also as a link. */
export function hasFrontController(source: LanguageSource): boolean {
  return frontControllerOf(source) !== undefined;
}

/** The folder named by the variable WEBROOT, or by `extra.paas.document-root` of composer.json (as for Scalingo); undefined for none. */
export function namedRoot(
  source: LanguageSource,
): { readonly path: string; readonly where: string } | undefined {
  return [
    { path: source.variables["WEBROOT"]?.trim() ?? "", where: "The variable WEBROOT" },
    {
      path: stringOf(jsonOf(source, "composer.json"), "extra", "paas", "document-root"),
      where: "extra.paas.document-root of composer.json",
    },
  ].find(({ path }) => path !== "");
}

/**
 * The named folder, or else a front controller's, or else the app itself if it has an index file: without one, everything that is
 * served would be the app's source.
 * @returns the path relative to the app, "." for the app itself; null if there is none and the Procfile or the app's buildpack defines
 * the web server. @throws {SlipwayError} "build-failed" when there is none, or the named folder is outside of the app.
 */
export function webRoot(source: LanguageSource): string | null {
  const named = namedRoot(source);
  if (named !== undefined) return insideApp(named);
  const { names } = source;
  const found = frontControllerOf(source);
  if (found !== undefined) return posix.dirname(found);
  if (["index.php", "index.html"].some((name) => names.includes(name))) return ".";
  if (names.includes("Procfile") || source.ownBuildpack === true) return null;
  throw new SlipwayError(
    "build-failed",
    "No folder to serve was found: there is no index.php in public, web or the app itself. Set the variable WEBROOT to the folder that is served (to . for the app itself), add a Procfile, or set BUILDPACK_NAME to nodejs if this is a Node.js app.",
  );
}

function frontControllerOf({ read, exists }: LanguageSource): string | undefined {
  return frontControllers.find((path) => exists?.(path) ?? read(path) !== undefined);
}

function insideApp(named: { readonly path: string; readonly where: string }): string {
  const path = posix.normalize(named.path).replace(/^\/+|\/+$/g, "");
  if (/^[\w./-]*$/.test(path) && path !== ".." && !path.startsWith("../")) return path === "" ? "." : path;
  throw new SlipwayError(
    "build-failed",
    `${named.where} is ${JSON.stringify(named.path.slice(0, 100))}: it must be a folder of the app, of letters, digits and . _ / -`,
  );
}
