// Fetch buildpacks: fetches the buildpacks that the user chose by URL. Input: the plan. Output: their files, for the sandbox.

import { createReadStream } from "node:fs";
import { posix } from "node:path";
import { folderTar } from "@slipway/archive";
import type { ByteStream } from "@slipway/core";
import type {
  BuildpackOrigin,
  FetchedBuildpack,
  RemoteBuildpacks,
} from "../../buildpacks/remote-buildpacks.ts";
import type { WorkerConfig } from "../../config.ts";
import type { Attempt } from "../attempt.ts";
import type { Plan } from "./plan.ts";

export interface FetchBuildpacksContext {
  readonly remoteBuildpacks: Pick<RemoteBuildpacks, "fetch">;
  readonly config: { readonly limits: Pick<WorkerConfig["limits"], "sourceBytes" | "sourceEntries"> };
}

/** All buildpacks of a build, in order. */
export interface ChosenBuildpacks {
  readonly origins: readonly BuildpackOrigin[];
  /** Names of the folders below buildpacks/, which sort in the buildpacks' order. */
  readonly folders: readonly string[];
  /** Opens tars of all files. They must be unpacked in this order, in the parent directory of buildpacks/. */
  readonly open: () => Iterable<ByteStream>;
}

/**
 * @returns null when the bundled buildpacks build the app.
 * @throws {SlipwayError} "no-buildpack" with the buildpack that cannot be fetched, and the reason.
 */
export async function fetchBuildpacks(
  { remoteBuildpacks, config }: FetchBuildpacksContext,
  { log, signal }: Pick<Attempt, "log" | "signal">,
  { buildpacks }: Pick<Plan, "buildpacks">,
): Promise<(ChosenBuildpacks & AsyncDisposable) | null> {
  if (buildpacks === null) return null;
  await using opened = new AsyncDisposableStack();
  const fetched: FetchedBuildpack[] = [];
  for (const buildpack of buildpacks) {
    log.line(`-----> Fetching the buildpack ${buildpack.name} from ${buildpack.shown}`);
    const one = opened.use(await remoteBuildpacks.fetch(buildpack, signal));
    log.line(`       Revision ${one.revision}`);
    fetched.push(one);
  }
  const resources = opened.move();
  const { sourceBytes: maxUnpackedBytes, sourceEntries: maxEntries } = config.limits;
  return {
    origins: fetched.map(({ name, url, revision }) => ({ name, url, revision })),
    folders: fetched.map(folderOf),
    *open() {
      for (const [index, pack] of fetched.entries())
        for (const { path, file } of pack.parts)
          yield folderTar(createReadStream(file), {
            name: posix.join("buildpacks", folderOf(pack, index), path),
            limits: { maxUnpackedBytes, maxEntries },
            layout: pack.layout,
          });
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

function folderOf({ name }: FetchedBuildpack, index: number): string {
  return `${String(index + 1).padStart(2, "0")}-${name}`;
}
