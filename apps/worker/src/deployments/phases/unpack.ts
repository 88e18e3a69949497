// Unpack: creates a sandbox with the source, the buildpacks and the app's variables. Input: the source and the image for the build.

import { sourceTar } from "@slipway/archive";
import type { Sandbox } from "@slipway/core";
import type { WorkerConfig } from "../../config.ts";
import type { Attempt } from "../attempt.ts";
import { openBuildSandbox } from "../build-sandbox.ts";
import type { SandboxContext, SandboxRequest } from "../build-sandbox.ts";
import type { FetchedSource } from "./fetch.ts";

export type UnpackContext = SandboxContext & {
  readonly config: { readonly limits: Pick<WorkerConfig["limits"], "sourceBytes" | "sourceEntries"> };
};

type UnpackInput = Omit<SandboxRequest, "open"> & {
  readonly fetched: FetchedSource;
  /** The only folder of the source to unpack; by default the whole source. */
  readonly folder?: string;
};

/** @throws {SlipwayError} "archive-invalid", "archive-too-large" and the errors of the engine. In this case the sandbox is removed. */
export function unpack(context: UnpackContext, attempt: Attempt, input: UnpackInput): Promise<Sandbox> {
  return attempt.lease.phase("unpack", attempt.log, (phase) =>
    unpacked(context, attempt, { ...input, onCacheRestored: () => phase.reuse("cache") }),
  );
}

async function unpacked(
  context: UnpackContext,
  attempt: Attempt,
  { fetched, folder = "", ...request }: UnpackInput,
): Promise<Sandbox> {
  const { config } = context;
  await using opened = new AsyncDisposableStack();
  return await openBuildSandbox(context, attempt, {
    ...request,
    open: async (extra) =>
      sourceTar(opened.use(await fetched.open()), {
        prefix: "build/",
        folder,
        limits: { maxUnpackedBytes: config.limits.sourceBytes, maxEntries: config.limits.sourceEntries },
        extra,
        signal: attempt.signal,
      }),
  });
}
