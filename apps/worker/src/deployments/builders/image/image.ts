// Deploys an image that was built elsewhere: reads and checks it, and copies it into the installation's registry by digest.

import type { RegistryWrites } from "@slipway/bus";
import { mebibytesText, parseImageReference } from "@slipway/core";
import type { ImageRegistry, PushedImage, RemoteImage, RemoteImages, RemoteLayer } from "@slipway/core";
import type { WorkerConfig } from "../../../config.ts";
import type { Attempt } from "../../attempt.ts";
import { type BuildTimeContext, withinBuildTime } from "../../build-time.ts";
import { heldPush } from "../../held-writes.ts";
import type { BuiltImage } from "../builder.ts";
import { imageProcesses } from "../image-processes.ts";
import { checkReference } from "./image-rules.ts";
import { registryLogin } from "./registry-login.ts";
import { type RemovalContext, waitForRemoval } from "./unneeded-image.ts";

export type ImageContext = BuildTimeContext &
  RemovalContext & {
    readonly registry: Pick<ImageRegistry, "host" | "copyContent" | "store">;
    readonly registryWrites: RegistryWrites;
    readonly remoteImages: RemoteImages;
    readonly config: Pick<WorkerConfig, "builders" | "registry"> & {
      readonly limits: Pick<WorkerConfig["limits"], "imageBytes">;
    };
  };

const shownDigestChars = 19;

/**
 * The counterpart of `Builder.build` for a deployment without a source. The content is copied while the status is `building`, so that a
 * defect in it is the user's error. The status is `pushing` when the image gets its name.
 * @param reference the reference in the deployment.
 * @throws {SlipwayError} as `Builder.build`; "no-buildpack" when the operator does not allow images, "source-unreachable".
 */
export async function copyImage(
  context: ImageContext,
  attempt: Attempt,
  reference: string,
): Promise<BuiltImage> {
  const { lease, log, app, signal } = attempt;
  const named = parseImageReference(reference);
  const registryHosts = [context.registry.host, new URL(context.config.registry.url).host];
  checkReference(named, context.config.builders, { registryHosts, appId: app.id });
  log.line(`-----> Fetching the image ${reference}`);
  const image = await lease.phase("fetch", log, () =>
    context.remoteImages.read(named, registryLogin(attempt.registryAuth, named.host), signal),
  );
  const count = image.layers.length;
  log.line(
    `       ${count} layers, ${mebibytesText(image.sizeBytes, "tenths")} compressed, for this platform ${image.digest}`,
  );
  const processes = imageProcesses(attempt, image.process, {
    procfile: null,
    advice: "Add CMD or ENTRYPOINT to the image.",
  });
  // Called outside of the write to the registry: the removal is a write as well. Inside, it would wait for a garbage collection that waits
  // for this write.
  await waitForRemoval(context, attempt, image.digest);
  const stored = await context.registryWrites.during(
    () => copyAndStore(context, attempt, image),
    signal,
    () => log.line(heldPush),
  );
  log.line(`       Pushed ${stored.reference}, ${mebibytesText(stored.sizeBytes, "tenths")}`);
  return {
    image: stored,
    buildpacks: [],
    stackImage: null,
    ...processes,
    configVars: {},
    // The registry keeps the layers, so later copies reuse them.
    saveCache: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
}

/** A single write to the registry: before the manifest is stored, garbage collection would remove the layers. */
async function copyAndStore(
  context: ImageContext,
  attempt: Attempt,
  image: RemoteImage,
): Promise<Omit<PushedImage, "layers">> {
  const { lease, log, app, signal } = attempt;
  const repository = `apps/${app.id}`;
  await lease.phase("copy", log, (phase) => copyContent(context, attempt, { image, repository, phase }));
  await lease.changeStatus("pushing", log.lastSeq);
  const name = { repository, tag: lease.deployment.id };
  return await lease.phase("push", log, () => context.registry.store(image, name, signal));
}

function copyContent(
  context: ImageContext,
  attempt: Attempt,
  copy: {
    readonly image: RemoteImage;
    readonly repository: string;
    readonly phase: { addBytes(bytes: number): void; reuse(what: string): void };
  },
): Promise<void> {
  const { image, repository, phase } = copy;
  const { log } = attempt;
  log.line("-----> Copying the image");
  const onLayer = (layer: RemoteLayer, index: number, how: "copied" | "present") => {
    if (how === "copied") phase.addBytes(layer.sizeBytes);
    else phase.reuse("layers");
    const digest = layer.digest.slice(0, shownDigestChars);
    const size = mebibytesText(layer.sizeBytes, "tenths");
    log.line(
      `       Layer ${index + 1} of ${image.layers.length}, ${digest}…, ${size}: ${how === "copied" ? "copied" : "already here"}`,
    );
  };
  const maxUnpackedBytes = context.config.limits.imageBytes;
  return withinBuildTime(context, attempt.signal, ({ noteProgress, signal }) => {
    const options = { repository, maxUnpackedBytes, onLayer, onProgress: noteProgress };
    return context.registry.copyContent(image, options, signal);
  });
}
