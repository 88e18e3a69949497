// How to run the `creator` of the lifecycle of Cloud Native Buildpacks, and the meaning of its exit codes.

import { posix } from "node:path";
import { SlipwayError } from "@slipway/core";
import { isProtectedName } from "../environment.ts";
import { projectDirectory } from "../plan-source.ts";

/** Directories in the build container. */
export const cnbDirectories = {
  app: "/workspace",
  layers: "/layers",
  platform: "/platform",
  cache: "/work/cache",
} as const;

const creator = "/cnb/lifecycle/creator";
export const cnbLauncher = "/cnb/lifecycle/launcher";

export interface CreatorRun {
  /** Reference of the image to export. */
  readonly image: string;
  /** Image of the app's current release, whose layers can be reused; null for none. */
  readonly previousImage: string | null;
  /** Image that releases run on; null for the one in the builder image's labels. */
  readonly runImage: string | null;
  readonly variables: Readonly<Record<string, string>>;
}

/** @returns the creator's argv. */
export function creatorCommand({ image, previousImage, runImage, variables }: CreatorRun): readonly string[] {
  const { app, layers, platform, cache } = cnbDirectories;
  return [
    creator,
    `-app=${posix.join(app, projectDirectory(variables))}`,
    `-layers=${layers}`,
    `-platform=${platform}`,
    `-cache-dir=${cache}`,
    ...(previousImage === null ? [] : [`-previous-image=${previousImage}`]),
    ...(runImage === null ? [] : [`-run-image=${runImage}`]),
    image,
  ];
}

/** @returns the variables of the build, each as a file in the platform directory, and the names of the omitted ones. */
export function platformVariables(
  variables: Readonly<Record<string, string>>,
  ofDescriptor: Readonly<Record<string, string>>,
): { readonly passed: ReadonlyMap<string, string>; readonly withheld: readonly string[] } {
  const all = Object.entries({ ...ofDescriptor, ...variables }).filter(([name]) =>
    /^[A-Za-z_]\w*$/.test(name),
  );
  return {
    passed: new Map(all.filter(([name]) => !isPlatformName(name))),
    withheld: all.map(([name]) => name).filter(isPlatformName),
  };
}

function isPlatformName(name: string): boolean {
  return isProtectedName(name) || name.startsWith("CNB_");
}

/** @returns the error for an exit code of the creator other than 0, as the platform specification defines them. */
export function creatorFailure(exitCode: number, builder: string): SlipwayError {
  if (exitCode >= 20 && exitCode <= 29)
    return new SlipwayError(
      "no-buildpack",
      `no buildpack of ${builder} fits the source (exit code ${exitCode})`,
      {
        exitCode,
        hint: "The log shows what each buildpack looked for. Add that, set PROJECT_DIR to the folder of the app, or name another builder image in project.toml or in the app's builder_image.",
      },
    );
  if (exitCode === 51)
    return new SlipwayError("build-failed", "a buildpack failed; the log has its output", { exitCode });
  if (exitCode === 11 || exitCode === 12)
    return new SlipwayError(
      "build-failed",
      `the lifecycle of ${builder} does not support ${exitCode === 11 ? "the platform API" : "the API of one of its buildpacks"}: use another version of the builder image`,
      { exitCode },
    );
  const phase = phases.find(({ from }) => exitCode >= from && exitCode < from + 10);
  return new SlipwayError(
    phase?.registry === true ? "registry-unavailable" : "internal",
    `the lifecycle of ${builder} failed${phase === undefined ? "" : ` to ${phase.does}`} with exit code ${exitCode}`,
    { exitCode },
  );
}

const phases: readonly { readonly from: number; readonly does: string; readonly registry: boolean }[] = [
  { from: 30, does: "analyze the previous image", registry: true },
  { from: 40, does: "restore the cache", registry: true },
  { from: 50, does: "run the buildpacks", registry: false },
  { from: 60, does: "export the image", registry: true },
];
