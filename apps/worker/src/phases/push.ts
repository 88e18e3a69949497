// Push: what the build left goes to the registry as one layer over the stack's, in one stream. Needs the sandbox after its
// build; yields the image.

import { LAUNCH_SCRIPT, slugTransform } from "@slipway/buildpacks";
import type { PushedImage, Sandbox } from "@slipway/core";
import type { Attempt } from "../attempt.ts";
import type { Built } from "./build.ts";

export async function push(attempt: Attempt, sandbox: Sandbox, built: Built): Promise<PushedImage> {
  const { platform, lease, log, signal } = attempt;
  // Before the status changes: a directory that the build took away is a failure of the build.
  const tree = await sandbox.download("/work/build", signal);
  log.line("-----> Pushing the image");
  await lease.changeStatus("pushing", log.lastSeq);
  const layer = slugTransform({ ignore: built.slugIgnore, maxSizeBytes: platform.config.IMAGE_MAX_MB })(tree);
  const image = await platform.registry.push(
    {
      repository: `apps/${attempt.app.id}`,
      tag: lease.deployment.id,
      base: platform.config.STACK_IMAGE,
      layer,
      config: {
        entrypoint: ["/bin/bash", "-c", LAUNCH_SCRIPT, "launch"],
        command: [built.processTypes["web"] ?? ""],
        environment: {},
        labels: {},
        user: "2000:2000",
        workingDir: "/app",
      },
    },
    signal,
  );
  log.line(`       Pushed ${image.reference}, ${(image.sizeBytes / 1024 / 1024).toFixed(1)} MiB`);
  return image;
}
