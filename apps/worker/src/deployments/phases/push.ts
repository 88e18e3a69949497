// Push: streams the built tree to the registry as one layer on top of the stack. Needs the sandbox after its
// build; yields the image.

import { LAUNCH_SCRIPT, slugTransform } from "@slipway/buildpacks";
import { label } from "@slipway/core";
import type { Labels, PushedImage, Sandbox } from "@slipway/core";
import type { Attempt } from "../attempt.ts";
import { unneededImages } from "../../housekeeping/prune-images.ts";
import type { Built } from "./build.ts";

export async function push(attempt: Attempt, sandbox: Sandbox, built: Built): Promise<PushedImage> {
  const { platform, lease, app, log, signal } = attempt;
  // Before the status changes: a directory that the build removed is a failure of the build.
  const tree = await sandbox.download("/work/build", signal);
  log.line("-----> Pushing the image");
  await lease.changeStatus("pushing", log.lastSeq);
  const unneeded = await unneededImages(platform, app.id);
  const pushed = await pushTree(attempt, tree, built, {});
  // A removal of an identical old image may be in progress and would remove this one: a label changes the digest.
  const own = { [label.deployment]: lease.deployment.id };
  const image = unneeded.has(pushed.digest)
    ? await pushTree(attempt, await sandbox.download("/work/build", signal), built, own)
    : pushed;
  log.line(`       Pushed ${image.reference}, ${(image.sizeBytes / 1024 / 1024).toFixed(1)} MiB`);
  return image;
}

/** The same tree and labels give the same digest. */
async function pushTree(
  { platform, lease, app, signal }: Attempt,
  tree: AsyncIterable<Uint8Array>,
  built: Built,
  labels: Labels,
): Promise<PushedImage> {
  const layer = slugTransform({ ignore: built.slugIgnore, maxSizeBytes: platform.config.limits.imageBytes })(
    tree,
  );
  return platform.registry.push(
    {
      repository: `apps/${app.id}`,
      tag: lease.deployment.id,
      base: platform.config.stackImage,
      layer,
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
