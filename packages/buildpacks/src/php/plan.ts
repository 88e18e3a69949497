// Decides how a PHP app is built, from its control files alone: none of its code runs.

import type { Language, LanguageFacts, LanguageSource } from "../language.ts";
import { composerProject } from "./composer.ts";
import { frontControllers, hasFrontController, namedRoot, webRoot } from "./web-root.ts";

export interface PhpPlan extends LanguageFacts {
  readonly kind: "php";
  /** The served folder, relative to the app; null when the app's Procfile or buildpack defines the web server. */
  readonly root: string | null;
  /** The versions of PHP that composer.json requires, in Composer's notation, if no install checks them; "" for any. */
  readonly uncheckedPhp: string;
}

const mebibyte = 1024 ** 2;

export const php: Language<PhpPlan> = {
  kind: "php",
  title: "PHP",
  controlFiles: new Map([
    ["composer.json", mebibyte],
    ["composer.lock", 16 * mebibyte],
    ["symfony.lock", mebibyte],
    ["auth.json", 64 * 1024],
    ["package.json", mebibyte],
    ...frontControllers.map((path): [string, number] => [path, mebibyte]),
  ]),
  detects: detectsPhp,
  plan: planPhp,
};

/** A composer.json beside a package.json may list only tools of a Node.js app. */
function detectsPhp(names: readonly string[], source?: LanguageSource): boolean {
  if (names.includes("index.php")) return true;
  if (!names.includes("composer.json")) return false;
  if (!names.includes("package.json") || source === undefined) return true;
  const isChosen = source.variables["BUILDPACK_NAME"] === "php" || namedRoot(source) !== undefined;
  return isChosen || hasFrontController(source);
}

function planPhp(source: LanguageSource): PhpPlan {
  const { install, uncheckedPhp, hasScripts, callsNode, warnings } = composerProject(source);
  const root = webRoot(source);
  return {
    kind: "php",
    root,
    uncheckedPhp,
    install,
    scripts: hasScripts ? "build" : "none",
    callsNode,
    releasedOn: "dependencies",
    web: root === null ? null : `serve-php ${root}`,
    runnerArguments: [],
    warnings,
  };
}
