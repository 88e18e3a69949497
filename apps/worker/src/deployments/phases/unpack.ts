// Unpack: a sandbox with the source, the buildpacks, the app's variables and the build cache. Needs the source and the plan.

import { sourceTar } from "@slipway/archive";
import type { Sandbox } from "@slipway/core";
import type { WorkerConfig } from "../../config.ts";
import type { Attempt } from "../attempt.ts";
import { filledSandbox } from "../build-sandbox.ts";
import type { SandboxContext } from "../build-sandbox.ts";
import type { FetchedSource } from "./fetch.ts";
import type { Plan } from "./plan.ts";

export type UnpackContext = SandboxContext & {
  readonly config: { readonly limits: Pick<WorkerConfig["limits"], "sourceBytes" | "sourceEntries"> };
};

/** @throws {SlipwayError} "archive-invalid", "archive-too-large" and the errors of the engine. The sandbox is removed then. */
export async function unpack(
  context: UnpackContext,
  attempt: Attempt,
  input: { readonly fetched: FetchedSource; readonly plan: Plan; readonly sourceTime: number },
): Promise<Sandbox> {
  const { config } = context;
  const { fetched, plan, sourceTime } = input;
  await using opened = new AsyncDisposableStack();
  return await filledSandbox(context, attempt, {
    image: plan.node?.images.build ?? config.stackImage,
    runnerArguments: [],
    sourceTime,
    open: async (extra) =>
      sourceTar(opened.use(await fetched.open()), {
        prefix: "build/",
        limits: { maxUnpackedBytes: config.limits.sourceBytes, maxEntries: config.limits.sourceEntries },
        extra,
        signal: attempt.signal,
      }),
  });
}
