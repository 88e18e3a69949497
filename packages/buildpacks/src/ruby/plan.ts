// Decides how a Ruby app is built, from its control files alone: none of its code runs, not even its Gemfile.

import { SlipwayError } from "@slipway/core";
import { decisiveVariables, installDigest, namesSourceFile, presentFiles } from "../install-inputs.ts";
import { textOf } from "../documents.ts";
import type { Install, Language, LanguageFacts, LanguageSource } from "../language.ts";
import { type GemfileLock, parseGemfileLock } from "./gemfile-lock.ts";
import { webCommand } from "./start.ts";

export interface RubyPlan extends LanguageFacts {
  readonly kind: "ruby";
  /** The version in a version manager's file; null when there is none, or when Gemfile names a version, which Bundler checks. */
  readonly version: { readonly wanted: string; readonly file: string } | null;
}

/** Bundler's install folder (BUNDLE_PATH). */
const gemFolder = ".gems";
/** Folder of gems in the source, which Bundler installs without a download. */
const packedGems = "vendor/cache/";
/** Gems that call Node.js during `rake assets:precompile`. */
const assetGems = [
  "jsbundling-rails",
  "cssbundling-rails",
  "vite_ruby",
  "vite_rails",
  "shakapacker",
  "webpacker",
];
const installFiles = ["Gemfile", "Gemfile.lock", ".ruby-version", ".tool-versions"];

export const ruby: Language<RubyPlan> = {
  kind: "ruby",
  title: "Ruby",
  controlFiles: new Map([
    ["Gemfile", 1024 ** 2],
    ["Gemfile.lock", 4 * 1024 ** 2],
    ["package.json", 1024 ** 2],
    [".ruby-version", 64 * 1024],
    [".tool-versions", 64 * 1024],
    [packedGems, 0],
  ]),
  detects: (names) =>
    names.includes("Gemfile") && ["config.ru", "Procfile"].some((name) => names.includes(name)),
  plan: planRuby,
};

function planRuby(source: LanguageSource): RubyPlan {
  const { names, read } = source;
  if (!names.includes("Gemfile.lock"))
    throw new SlipwayError(
      "build-failed",
      "Gemfile.lock is missing: it says which versions of gems are installed. Run: bundle lock --add-platform x86_64-linux, and add Gemfile.lock to the source.",
    );
  for (const [name, limit] of Object.entries({ Gemfile: "1 MiB", "Gemfile.lock": "4 MiB" }))
    if (read(name) === undefined)
      throw new SlipwayError("build-failed", `${name} must be a regular file of at most ${limit}.`);
  const lock = parseGemfileLock(textOf(source, "Gemfile.lock"));
  const starts = names.includes("Procfile") || source.ownBuildpack === true;
  return {
    kind: "ruby",
    version: namedVersion(source),
    install: isApart(source, lock) ? installOf(source, lock) : null,
    // A Rails app may have the task assets:precompile, which only its Rakefile defines.
    scripts: lock.gems.has("railties") ? "build" : "none",
    callsNode: lock.gems.has("railties") && assetGems.some((name) => lock.gems.has(name)),
    releasedOn: "dependencies",
    web: starts && !names.includes("config.ru") ? null : webOf(lock, starts),
    runnerArguments: [],
    warnings: names.includes(`${gemFolder}/`)
      ? [`${gemFolder} is part of the source. Leave it out: the gems are installed there.`]
      : [],
  };
}

/** With a Procfile without `web`, the gems define the default, if they include a server. */
function webOf({ gems }: GemfileLock, starts: boolean): string | null {
  try {
    return webCommand(gems);
  } catch (error) {
    if (starts && error instanceof SlipwayError) return null;
    throw error;
  }
}

/** Whether the install needs no other files. A Gemfile is a program, so each file that it may read must be known. */
function isApart(source: LanguageSource, { hasPathGems }: GemfileLock): boolean {
  const { names, read } = source;
  const readsFiles =
    /\b(?:eval_gemfile|gemspec|require_relative|load|load_file|File|Dir|IO|Pathname|__dir__|__FILE__|path|system)\b|\bopen\s*\(|`|%x\b/;
  return (
    !hasPathGems &&
    !namesSourceFile(source, /^bundle_/i) &&
    !readsFiles.test(codeOf(textOf(source, "Gemfile"))) &&
    read(packedGems) === undefined &&
    !names.includes(".bundle/") &&
    !names.includes(`${gemFolder}/`) &&
    installFiles.every((name) => !names.includes(name) || read(name) !== undefined)
  );
}

function namedVersion(source: LanguageSource): RubyPlan["version"] {
  if (/^\s*ruby\b/m.test(textOf(source, "Gemfile"))) return null;
  const patterns = { ".ruby-version": /^(?:ruby-)?(\d[\w.-]*)/, ".tool-versions": /^ruby[ \t]+(\d[\w.-]*)/m };
  for (const [file, pattern] of Object.entries(patterns)) {
    const wanted = pattern.exec(textOf(source, file).trim())?.[1];
    if (wanted !== undefined) return { wanted, file };
  }
  return null;
}

/** The Gemfile without comment lines. */
function codeOf(gemfile: string): string {
  return gemfile.replace(/^\s*#.*$/gm, "");
}

/** Whether a variable's value may affect the install: every variable may if the Gemfile does not name the variables that it reads. */
function decides(gemfile: string): (name: string) => boolean {
  const code = codeOf(gemfile);
  const named = new Set(code.match(/(?<=\bENV(?:\.fetch\(|\[)\s*["'])\w+(?=["'])/g) ?? []);
  const inOtherForms = code.replace(/\bENV(?:\.fetch\(|\[)\s*["']\w+["']/g, "");
  if (/\bENV\b/.test(inOtherForms)) return () => true;
  return (name) => decisiveVariable.test(name) || named.has(name);
}

function installOf(source: LanguageSource, { gems }: GemfileLock): Install {
  const files = presentFiles(source, installFiles);
  const isDecisive = decides(files.get("Gemfile")?.toString("utf8") ?? "");
  const variables = decisiveVariables(source.variables, isDecisive);
  return {
    folder: gemFolder,
    workspace: null,
    files,
    digest: installDigest(files, variables),
    hasBuildPackages: false,
    packageCount: gems.size,
  };
}

/** Variables that Bundler, RubyGems and compilers read. */
const decisiveVariable =
  /^(?:bundler?|gem|ruby)(?:_|$)|^(?:rubyopt|rubylib|cc|cxx|cflags|cxxflags|cppflags|ldflags|pkg_config_path|rails_env|rack_env)$/i;
