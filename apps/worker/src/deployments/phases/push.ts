// Push: streams the built tree to the registry as one layer on top of the stack. Needs the sandbox after its
// build; yields the image.

import { LAUNCH_SCRIPT, slugTransform } from "@slipway/buildpacks";
import { label } from "@slipway/core";
import type { ImageRegistry, Labels, PushedImage, Sandbox } from "@slipway/core";
import type { WorkerConfig } from "../../config.ts";
import type { Attempt } from "../attempt.ts";
import { unneededImages } from "../../housekeeping/prune-images.ts";
import type { UnneededContext } from "../../housekeeping/prune-images.ts";
import type { Built } from "./build.ts";

export type PushContext = UnneededContext & {
  readonly registry: Pick<ImageRegistry, "push">;
  readonly config: Pick<WorkerConfig, "stackImage"> & {
    readonly limits: Pick<WorkerConfig["limits"], "imageBytes">;
  };
};

/** Sets the status to `pushing`. @throws {SlipwayError} "build-failed" when the build removed its folder, "too-large". */
export async function push(
  context: PushContext,
  attempt: Attempt,
  sandbox: Pick<Sandbox, "download">,
  built: Built,
): Promise<PushedImage> {
  const { lease, app, log, signal } = attempt;
  // Before the status changes: a directory that the build removed is a failure of the build.
  const tree = await sandbox.download("/work/build", signal);
  log.line("-----> Pushing the image");
  await lease.changeStatus("pushing", log.lastSeq);
  const unneeded = await unneededImages(context, app.id);
  const pushed = await pushTree(context, attempt, tree, built, {});
  // A removal of an identical old image may be in progress and would remove this one: a label changes the digest.
  const own = { [label.deployment]: lease.deployment.id };
  const image = unneeded.has(pushed.digest)
    ? await pushTree(context, attempt, await sandbox.download("/work/build", signal), built, own)
    : pushed;
  log.line(`       Pushed ${image.reference}, ${(image.sizeBytes / 1024 / 1024).toFixed(1)} MiB`);
  return image;
}

/** The same tree and labels give the same digest. */
async function pushTree(
  { config, registry }: PushContext,
  { lease, app, signal }: Attempt,
  tree: AsyncIterable<Uint8Array>,
  built: Built,
  labels: Labels,
): Promise<PushedImage> {
  const layer = slugTransform({ ignore: built.slugIgnore, maxSizeBytes: config.limits.imageBytes })(tree);
  return registry.push(
    {
      repository: `apps/${app.id}`,
      tag: lease.deployment.id,
      base: config.stackImage,
      layers: [layer],
      config: {
        entrypoint: ["/bin/bash", "-c", LAUNCH_SCRIPT, "launch"],
        command: [built.processTypes["web"] ?? ""],
        environment: {},
        labels,
        user: "2000:2000",
        workingDir: "/app",
      },
    },
    signal,
  );
}
