// Decides how a Go app is built, from its control files alone: none of its code runs. Its programs and its start command are
// determined by Go during the build (stacks/buildpacks/go).

import { SlipwayError } from "@slipway/core";
import type { Language, LanguageFacts, LanguageSource } from "../language.ts";
import { type GoMod, parseGoMod } from "./go-mod.ts";

/** The Go version that the app asks for. */
export interface GoRequirement {
  /** Without the prefix `go`: 1.22, 1.22.3, 1.23rc1; empty when the app does not say. */
  readonly wanted: string;
  /** Source of the version, for messages. */
  readonly wantedIn: string;
}

export interface GoPlan extends LanguageFacts {
  readonly kind: "go";
  readonly go: GoRequirement;
}

export const go: Language<GoPlan> = {
  kind: "go",
  title: "Go",
  controlFiles: new Map([["go.mod", 1024 ** 2]]),
  detects: (names) => names.includes("go.mod"),
  plan: planGo,
};

function planGo({ read, variables }: LanguageSource): GoPlan {
  const text = read("go.mod")?.toString("utf8");
  if (text === undefined)
    throw new SlipwayError("build-failed", "go.mod must be a regular file of at most 1 MiB.");
  return {
    kind: "go",
    go: goRequirement(parseGoMod(text), variables["GOVERSION"]?.trim() ?? ""),
    // Go programs contain their dependencies, and Go caches downloads and builds itself.
    install: null,
    scripts: "build",
    releasedOn: "stack",
    web: null,
    runnerArguments: [],
    warnings: [],
  };
}

/** Reads GOVERSION, the comment for Heroku, and the lines `toolchain` and `go` of go.mod, in this order. */
function goRequirement(mod: GoMod, variable: string): GoRequirement {
  const requirements: readonly GoRequirement[] = [
    { wanted: ofVariable(variable), wantedIn: "the variable GOVERSION" },
    { wanted: mod.heroku, wantedIn: "+heroku goVersion of go.mod" },
    { wanted: mod.toolchain, wantedIn: "the toolchain line of go.mod" },
    { wanted: mod.go, wantedIn: "the go line of go.mod" },
  ];
  return requirements.find(({ wanted }) => wanted !== "") ?? { wanted: "", wantedIn: "the default" };
}

function ofVariable(variable: string): string {
  if (variable === "") return "";
  const [, version] = /^(?:go)?(\d+\.\d+(?:\.\d+)?(?:(?:rc|beta)\d+)?)$/.exec(variable) ?? [];
  if (version !== undefined) return version;
  throw new SlipwayError(
    "build-failed",
    `The variable GOVERSION is ${JSON.stringify(variable.slice(0, 50))}, which is not a version of Go. Set it to a version such as 1.22 or 1.22.5, or remove it.`,
  );
}
