// The folder of a PHP app that is served.

import { posix } from "node:path";
import { SlipwayError } from "@slipway/core";
import { jsonOf, stringOf } from "../documents.ts";
import type { LanguageSource } from "../language.ts";

/** Scripts that answer every request, in the folders that frameworks serve. */
export const frontControllers = ["public/index.php", "web/index.php"];

/**
 * The variable WEBROOT, `extra.paas.document-root` of composer.json (as for Scalingo), else the folder of a front controller, else the
 * app itself.
 * @returns the path relative to the app; "." for the app itself. @throws {SlipwayError} "build-failed" when it is not one.
 */
export function webRoot(source: LanguageSource): string {
  const named = [
    { path: source.variables["WEBROOT"]?.trim() ?? "", where: "The variable WEBROOT" },
    {
      path: stringOf(jsonOf(source, "composer.json"), "extra", "paas", "document-root"),
      where: "extra.paas.document-root of composer.json",
    },
  ].find(({ path }) => path !== "");
  if (named === undefined) {
    const found = frontControllers.find((path) => source.read(path) !== undefined);
    return found === undefined ? "." : posix.dirname(found);
  }
  const path = posix.normalize(named.path).replace(/^\/+|\/+$/g, "");
  if (/^[\w./-]*$/.test(path) && path !== ".." && !path.startsWith("../")) return path === "" ? "." : path;
  throw new SlipwayError(
    "build-failed",
    `${named.where} is ${JSON.stringify(named.path.slice(0, 100))}: it must be a folder of the app, of letters, digits and . _ / -`,
  );
}
