// Push: streams the app's files to the registry as one layer on top of their base. Needs the files; yields the image.

import { parseSlugIgnore, slugTransform } from "@slipway/buildpacks";
import type { LanguagePlan } from "@slipway/buildpacks";
import { label } from "@slipway/core";
import type { ByteStream, ImageRegistry, Labels, PushedImage } from "@slipway/core";
import type { BuildpackOrigin } from "../../buildpacks/remote-buildpacks.ts";
import type { WorkerConfig } from "../../config.ts";
import { unneededImages } from "../../housekeeping/prune-images.ts";
import type { UnneededContext } from "../../housekeeping/prune-images.ts";
import type { Attempt } from "../attempt.ts";
import { imageLabel } from "../former-image.ts";
import type { FormerImage } from "../former-image.ts";
import { heldPush } from "../held-writes.ts";
import { imageAnnotations } from "../image-annotations.ts";
import { releaseConfig } from "../release-image.ts";
import type { Built } from "./build.ts";

export type PushContext = UnneededContext & {
  readonly registry: Pick<ImageRegistry, "push">;
  readonly config: { readonly limits: Pick<WorkerConfig["limits"], "imageBytes"> };
};

export interface AppFiles {
  /** Reference of the image below the app's files. */
  readonly base: string;
  /** Languages of the toolchains in the image. */
  readonly languages: readonly LanguagePlan["kind"][];
  /** Digest of everything that decided what was built. */
  readonly inputs: string;
  /** Time of the files, in seconds since 1970. */
  readonly sourceTime: number;
  /** Name of the folder at the root of the tar. */
  readonly folder: "build" | "app";
  /** Key of the build's dependencies that the build changed; null when it changed none. */
  readonly changedDependencies: string | null;
  /** Buildpacks by URL that built them, in order. */
  readonly buildpacks: readonly BuildpackOrigin[];
  /** Opens the tar of the files. It may be called again. */
  readonly open: () => Promise<ByteStream>;
}

/** Sets the status to `pushing`. @throws {SlipwayError} "build-failed" when the build removed its folder, "image-too-large". */
export async function push(
  context: PushContext,
  attempt: Attempt,
  made: { readonly files: AppFiles; readonly built: Built; readonly former: FormerImage | null },
): Promise<PushedImage> {
  const { lease, app, log } = attempt;
  const { files, built, former } = made;
  // Before the status changes: a directory that the build removed is a failure of the build.
  const tree = await files.open();
  logSlugIgnore(log, built.slugIgnore);
  log.line("-----> Pushing the image");
  await lease.changeStatus("pushing", log.lastSeq);
  const unneeded = await unneededImages(context, app.id);
  const pushAgain = async (changed: AppFiles, labels: Labels) =>
    pushTree(context, attempt, { files: changed, built, tree: await changed.open(), labels });
  let image = await pushTree(context, attempt, { files, built, tree, labels: {} });
  // A build may give other files for the same inputs. They get another time, so that no file keeps both its size and its time.
  if (former?.inputs === files.inputs && former.appDiffId !== image.layers.at(-1)?.diffId)
    image = await pushAgain({ ...files, sourceTime: files.sourceTime - 1 }, {});
  // A removal of an identical old image may be in progress and would remove this one: a label changes the digest.
  if (unneeded.has(image.digest)) image = await pushAgain(files, { [label.deployment]: lease.deployment.id });
  log.line(`       Pushed ${image.reference}, ${(image.sizeBytes / 1024 / 1024).toFixed(1)} MiB`);
  return image;
}

/** Says which lines of .slugignore have no effect. @param text null without the file. */
export function logSlugIgnore(log: Pick<Attempt["log"], "line">, text: string | null): void {
  for (const problem of parseSlugIgnore(text ?? "").problems) log.line(` !     ${problem}`);
}

/** The same tree, time and labels give the same digest. */
async function pushTree(
  { config, registry }: PushContext,
  { lease, app, log, signal }: Attempt,
  made: {
    readonly files: AppFiles;
    readonly built: Built;
    readonly tree: ByteStream;
    readonly labels: Labels;
  },
): Promise<PushedImage> {
  const { files, built, tree } = made;
  const layer = slugTransform({
    from: files.folder,
    folder: "",
    ignore: built.slugIgnore,
    maxSizeBytes: config.limits.imageBytes,
    mtime: new Date(files.sourceTime * 1000),
  })(tree);
  const labels = {
    [imageLabel.inputs]: files.inputs,
    [imageLabel.sourceTime]: String(files.sourceTime),
    ...(files.changedDependencies === null
      ? {}
      : { [imageLabel.changedDependencies]: files.changedDependencies }),
    ...(files.buildpacks.length === 0 ? {} : { [imageLabel.buildpacks]: JSON.stringify(files.buildpacks) }),
    ...made.labels,
  };
  return registry.push(
    {
      repository: `apps/${app.id}`,
      tag: lease.deployment.id,
      base: files.base,
      layers: [layer],
      annotations: imageAnnotations(lease.deployment, new Date(files.sourceTime * 1000)),
      config: releaseConfig({ web: built.processTypes["web"] ?? "", labels, languages: files.languages }),
      onHeld: () => log.line(heldPush),
    },
    signal,
  );
}
