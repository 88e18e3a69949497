// A warning about the package.json of an app in another language.

import { fieldOf, jsonOf } from "./documents.ts";
import type { LanguageSource } from "./language.ts";

/** @returns a warning when package.json has a build script, which does not run. @param title of the app's language. */
export function frontEndWarning(source: LanguageSource, title: string): readonly string[] {
  if (!source.names.includes("package.json") || source.read("package.json") === undefined) return [];
  if (typeof fieldOf(jsonOf(source, "package.json"), "scripts", "build") !== "string") return [];
  return [
    `The build script of package.json does not run, because this is a ${title} app. Add what it writes to the source, or use a Dockerfile.`,
  ];
}
