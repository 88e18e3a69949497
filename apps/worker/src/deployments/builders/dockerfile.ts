// Builds the source's Dockerfile with the engine's BuildKit, and pushes the image.

import { createHash } from "node:crypto";
import { contextTar } from "@slipway/archive";
import type { RegistryWrites } from "@slipway/bus";
import { contextFilter } from "@slipway/buildkit";
import { SlipwayError, buildKind, label, mebibytesText } from "@slipway/core";
import type { ImageBuilder, ImageRegistry, LocalImage } from "@slipway/core";
import type { Logger } from "@slipway/service";
import type { WorkerConfig } from "../../config.ts";
import { type Attempt, labelsOf } from "../attempt.ts";
import { type BuildTimeContext, withinBuildTime } from "../build-time.ts";
import { imageAnnotations } from "../image-annotations.ts";
import { heldPush } from "../held-writes.ts";
import type { Builder, BuildInput } from "./builder.ts";
import { type DockerfilePlan, planDockerfile } from "./dockerfile-plan.ts";
import type { CheckPull } from "./pull-limit.ts";
import { imageProcesses } from "./image-processes.ts";
import { checkImage, checkStep, openAddresses } from "./step-rules.ts";

export type DockerfileContext = BuildTimeContext & {
  readonly imageBuilder: Pick<ImageBuilder, "build" | "push" | "remove">;
  readonly registry: Pick<ImageRegistry, "host" | "inspect">;
  readonly registryWrites: RegistryWrites;
  readonly logger: Logger;
  readonly checkPull: CheckPull;
  readonly config: Pick<WorkerConfig, "installationId" | "stackImage" | "stackBuildImage" | "egress"> & {
    readonly build: Pick<WorkerConfig["build"], "cgroupParent" | "diskBytes">;
    readonly limits: Pick<WorkerConfig["limits"], "sourceBytes" | "sourceEntries" | "imageBytes">;
  };
};

const removalMs = 60_000;
const commandAdvice =
  'Add CMD or ENTRYPOINT to the Dockerfile, or a Procfile with a line such as "web: COMMAND".';

export function dockerfileBuilder(context: DockerfileContext): Builder {
  const { imageBuilder, registry } = context;
  return {
    kind: "dockerfile",
    async build(attempt, input) {
      const { app, lease, log, signal, variables } = attempt;
      const { procfile, source } = input.plan;
      const sourceVersion = lease.deployment.gitRef ?? "";
      const planned = planDockerfile(source, variables, { SOURCE_VERSION: sourceVersion });
      const reference = `${registry.host}/apps/${app.id}:${lease.deployment.id}`;
      let digest: string | null = null;
      await using owned = new AsyncDisposableStack();
      // Removed after the start, when a container of the release keeps the image on the engine.
      owned.defer(() => removeImage(context, reference, digest));
      const built = await lease.phase("build", log, () =>
        buildImage(context, attempt, input, { planned, reference }),
      );
      checkSize(context, built);
      const { processTypes, imageStart } = imageProcesses(attempt, built, {
        procfile,
        advice: commandAdvice,
      });
      log.line("-----> Pushing the image");
      await lease.changeStatus("pushing", log.lastSeq);
      digest = await lease.phase("push", log, () =>
        context.registryWrites.during(
          () => imageBuilder.push(reference, signal),
          signal,
          () => log.line(heldPush),
        ),
      );
      const image = await registry.inspect(`${registry.host}/apps/${app.id}@${digest}`, signal);
      if (image === null)
        throw new SlipwayError(
          "registry-unavailable",
          `the registry has no image ${reference} after its push`,
        );
      log.line(`       Pushed ${reference}, ${mebibytesText(image.sizeBytes, "tenths")}`);
      const resources = owned.move();
      return {
        image: { ...image, reference },
        buildpacks: [],
        stackImage: null,
        processTypes,
        imageStart,
        configVars: {},
        // BuildKit itself caches the results of steps on the engine.
        saveCache: async () => {},
        [Symbol.asyncDispose]: () => resources.disposeAsync(),
      };
    },
  };
}

function buildImage(
  context: DockerfileContext,
  attempt: Attempt,
  { fetched }: BuildInput,
  { planned, reference }: { readonly planned: DockerfilePlan; readonly reference: string },
): Promise<LocalImage> {
  const { log, lease, variables } = attempt;
  const { build, limits, installationId, stackImage, stackBuildImage, egress } = context.config;
  const known = {
    registryHost: context.registry.host,
    stacks: [stackImage, stackBuildImage],
    open: egress.open,
    addressesOf: openAddresses(),
  };
  return withinBuildTime(context, attempt.signal, async ({ store, noteProgress, signal }) => {
    const rules = { ...known, checkPull: (image: string) => context.checkPull(image, signal) };
    for (const image of planned.baseImages) await checkImage(rules, image);
    const tar = contextTar(() => fetched.open(), {
      folder: planned.folder,
      includes: contextFilter(planned.ignore, planned.kept),
      limits: { maxUnpackedBytes: limits.sourceBytes, maxEntries: limits.sourceEntries },
      signal,
    });
    await lease.check();
    return await context.imageBuilder.build(
      {
        reference,
        context: tar,
        dockerfile: planned.dockerfile,
        target: planned.target,
        arguments: planned.arguments,
        secrets: variables,
        cacheScope: cacheScopeOf(attempt.app),
        // Makes the images of any two deployments different, so that the removal of an old image never removes a new one.
        labels: {
          ...imageAnnotations(lease.deployment, lease.deployment.createdAt),
          [label.deployment]: lease.deployment.id,
        },
        cgroupParent: build.cgroupParent ?? null,
        steps: {
          diskBytes: build.diskBytes,
          watchImage: stackBuildImage,
          // The labels of a build container, so that it is removed with the other leftovers of a dead attempt.
          labels: { ...labelsOf(attempt), [label.installation]: installationId, [label.kind]: buildKind },
        },
      },
      {
        onOutput: (bytes) => store(() => log.write(bytes)),
        onProgress: noteProgress,
        checkStep: (name) => checkStep(rules, name),
        signal,
      },
    );
  });
}

/** Changes when the app's build cache is reset. It is a hash, because the steps can read it. */
function cacheScopeOf({ id, cacheVersion }: Attempt["app"]): string {
  return createHash("sha256").update(`${id} ${cacheVersion}`).digest("hex").slice(0, 32);
}

function checkSize({ config: { limits } }: DockerfileContext, { sizeBytes }: LocalImage): void {
  if (sizeBytes <= limits.imageBytes) return;
  const message = `the image has ${mebibytesText(sizeBytes, "up")}, more than the ${mebibytesText(limits.imageBytes, "up")} allowed (IMAGE_MAX_MB)`;
  throw new SlipwayError("image-too-large", message);
}

/** An image that is left over does not affect the deployment, so a failure is only logged. */
async function removeImage(
  { imageBuilder, logger }: DockerfileContext,
  reference: string,
  digest: string | null,
): Promise<void> {
  try {
    await imageBuilder.remove(reference, digest, AbortSignal.timeout(removalMs));
  } catch (error) {
    logger.warn({ err: error, image: reference }, "cannot remove a built image from the engine");
  }
}
