// Builds with Cloud Native Buildpacks: the lifecycle of a builder image runs in a sandbox, and exports the image to the registry.

import { cnbProcesses, creatorFailure, parseProcfile, readProjectDescriptor } from "@slipway/buildpacks";
import type { ProjectDescriptor } from "@slipway/buildpacks";
import { SlipwayError, mebibytesText } from "@slipway/core";
import type { ImageRegistry, Sandbox, Store, StoredImage } from "@slipway/core";
import type { RegistryWrites } from "@slipway/bus";
import type { BuildpackFacts } from "@slipway/receipts";
import type { WorkerConfig } from "../../../config.ts";
import type { Attempt } from "../../attempt.ts";
import { type RunContext, runSandbox } from "../../build-sandbox.ts";
import { saveCache } from "../../cache.ts";
import { heldPush } from "../../held-writes.ts";
import { imageAnnotations } from "../../image-annotations.ts";
import { pullEarly } from "../../pull-early.ts";
import type { PullEarlyContext } from "../../pull-early.ts";
import type { Builder, BuildInput } from "../builder.ts";
import { type BuilderImageContext, type UsedBuilder, usedBuilder } from "./builder-image.ts";
import { cacheKindOf, type CnbSandboxContext, openCnbSandbox, registryAddress } from "./cnb-sandbox.ts";
import { openRegistryGateway, type RegistryGateway } from "./registry-gateway.ts";

export type CnbContext = BuilderImageContext &
  CnbSandboxContext &
  RunContext &
  PullEarlyContext & {
    readonly registry: Pick<ImageRegistry, "host" | "inspect" | "forward">;
    readonly registryWrites: RegistryWrites;
    readonly store: Pick<Store, "releases">;
    readonly config: { readonly limits: Pick<WorkerConfig["limits"], "imageBytes"> };
  };

export function cnbBuilder(context: CnbContext): Builder {
  return {
    kind: "cnb",
    async build(attempt, input) {
      const { lease, log } = attempt;
      const descriptor = readProjectDescriptor({ ...input.plan.source, variables: attempt.variables });
      for (const name of descriptor?.ignored ?? [])
        log.line(` !     project.toml: ${name} is not supported and is ignored`);
      const builder = await lease.phase("builder-image", log, () =>
        usedBuilder(context, attempt, descriptor),
      );
      log.line(
        `       Builder image ${builder.reference}, lifecycle ${builder.lifecycle}, platform API ${builder.platformApi}`,
      );
      await using owned = new AsyncDisposableStack();
      const { sandbox, image } = await created(context, attempt, { input, builder, descriptor }, owned);
      const reference = `${context.registry.host}/apps/${attempt.app.id}:${lease.deployment.id}`;
      log.line(`       Pushed ${reference}, ${mebibytesText(image.sizeBytes, "tenths")}`);
      const processes = processesOf(attempt, input.plan.procfile, image);
      const resources = owned.move();
      return {
        image: { ...image, reference },
        stackImage: null,
        ...processes,
        configVars: {},
        saveCache: () =>
          lease.phase("cache", log, () =>
            saveCache(context, attempt, sandbox, { kind: cacheKindOf(builder) }),
          ),
        [Symbol.asyncDispose]: () => resources.disposeAsync(),
      };
    },
  };
}

interface Creation {
  readonly input: BuildInput;
  readonly builder: UsedBuilder;
  readonly descriptor: ProjectDescriptor | null;
}

/** @returns the sandbox of the ended build, and the image that the build exported last. */
async function created(
  context: CnbContext,
  attempt: Attempt,
  { input, builder, descriptor }: Creation,
  owned: AsyncDisposableStack,
): Promise<{ readonly sandbox: Sandbox; readonly image: StoredImage }> {
  const { lease, log, signal, app } = attempt;
  const runImage = ownRunImage(context, builder);
  let image: Promise<StoredImage> | undefined;
  let pull: AsyncDisposable | undefined;
  owned.defer(() => pull?.[Symbol.asyncDispose]());
  const gateway = openRegistryGateway({
    registry: context.registry,
    rules: {
      repository: `apps/${app.id}`,
      tag: lease.deployment.id,
      readable: runImage === null ? [] : [repositoryOf(runImage)],
    },
    maxBytes: context.config.limits.imageBytes,
    annotations: imageAnnotations(lease.deployment, lease.deployment.createdAt),
    onExported: ({ digest, sizeBytes }) => {
      image = checkedImage(context, attempt, digest);
      // Awaited once the lifecycle has succeeded.
      image.catch(() => undefined);
      if (sizeBytes !== null)
        pull ??= pullEarly(context, attempt, exportedReference(context, attempt, digest));
    },
    signal,
  });
  const previousImage = await previousImageOf(context, attempt);
  const sandbox = await lease.phase("unpack", log, async (phase) => {
    const request = {
      fetched: input.fetched,
      builder,
      gateway,
      descriptor,
      previousImage,
      runImage: runImage === null ? null : `${registryAddress}/${runImage}`,
      onCacheRestored: () => phase.reuse("cache"),
    };
    return owned.use(await openCnbSandbox(context, attempt, request));
  });
  await run(context, attempt, { sandbox, gateway, builder });
  if (image === undefined)
    throw new SlipwayError("internal", "the lifecycle ended successfully, but exported no image");
  return { sandbox, image: await image };
}

/** The export is part of the lifecycle's process. The phase `push` begins with the lifecycle's first upload, which waits for the status. */
async function run(
  context: CnbContext,
  attempt: Attempt,
  { sandbox, gateway, builder }: { sandbox: Sandbox; gateway: RegistryGateway; builder: UsedBuilder },
): Promise<void> {
  const { registryWrites } = context;
  const { lease, log, signal } = attempt;
  const failureOf = (exitCode: number) => gateway.failureOf(creatorFailure(exitCode, builder.reference));
  const running = runSandbox(context, attempt, sandbox, {
    failureOf,
    wait: { begun: gateway.exporting, ended: gateway.opened },
  });
  await lease.phase("build", log, () => Promise.race([running, gateway.exporting]));
  const push = lease.phase("push", log, () => running);
  // Awaited below. Until then its failure must not count as unhandled.
  push.catch(() => undefined);
  await lease.changeStatus("pushing", log.lastSeq);
  const finish = (): Promise<void> => {
    gateway.open();
    return push;
  };
  await Promise.race([push, registryWrites.during(finish, signal, () => log.line(heldPush))]);
}

/** @returns the path of a run image in this installation's registry; null for an image in another registry. */
function ownRunImage({ registry }: CnbContext, { runImage, trusted }: UsedBuilder): string | null {
  const prefix = `${registry.host}/`;
  return trusted && runImage?.startsWith(prefix) === true ? runImage.slice(prefix.length) : null;
}

function repositoryOf(image: string): string {
  return image.replace(/@.*$/, "").replace(/:[^/:]*$/, "");
}

/** @returns null for an image of another builder, whose layers the lifecycle cannot reuse. */
async function previousImageOf({ store }: CnbContext, { app }: Attempt): Promise<string | null> {
  const release = app.currentReleaseId === null ? null : await store.releases.get(app.currentReleaseId);
  const digest = release?.imageStart?.shell === undefined ? undefined : release.image.split("@")[1];
  return digest === undefined ? null : `${registryAddress}/apps/${app.id}@${digest}`;
}

function exportedReference({ registry: { host } }: CnbContext, { app }: Attempt, digest: string): string {
  return `${host}/apps/${app.id}@${digest}`;
}

/** @throws {SlipwayError} "image-too-large", "registry-unavailable". */
async function checkedImage(context: CnbContext, attempt: Attempt, digest: string): Promise<StoredImage> {
  const { registry, config } = context;
  const { imageBytes } = config.limits;
  const image = await registry.inspect(exportedReference(context, attempt, digest), attempt.signal);
  if (image === null)
    throw new SlipwayError("registry-unavailable", `the registry has no image ${digest} after its export`);
  if (image.sizeBytes <= imageBytes) return image;
  throw new SlipwayError(
    "image-too-large",
    `the image has ${mebibytesText(image.sizeBytes, "up")}, more than the ${mebibytesText(imageBytes, "up")} allowed (IMAGE_MAX_MB)`,
  );
}

function processesOf({ log }: Attempt, procfile: string | null, { config }: Pick<StoredImage, "config">) {
  const { processTypes: given, problems } = parseProcfile(procfile ?? "");
  for (const problem of problems) log.line(` !     Procfile: ${problem}`);
  const { processTypes, imageStart, buildpacks } = cnbProcesses(config.labels, given);
  log.line(`-----> Buildpacks: ${buildpacks.join(", ")}`);
  log.line(`-----> Process types: ${Object.keys(processTypes).join(", ")}`);
  const facts = buildpacks.map((name): BuildpackFacts => ({ name, url: null, revision: null }));
  return { processTypes, imageStart, buildpacks: facts };
}
