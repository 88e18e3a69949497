// Push: streams the app's files to the registry as one layer on top of their base. Input: the files. Output: the image.

import { parseSlugIgnore, slugTransform } from "@slipway/buildpacks";
import type { LanguagePlan } from "@slipway/buildpacks";
import { label, mebibytesText } from "@slipway/core";
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
  /** Reference of the base image below the app's files. */
  readonly base: string;
  /** Languages of the toolchains in the image. */
  readonly languages: readonly LanguagePlan["kind"][];
  /** Digest of all inputs that determined the build's result. */
  readonly inputs: string;
  /** Time of the files, in seconds since 1970. */
  readonly sourceTime: number;
  /** Name of the folder at the root of the tar. */
  readonly folder: "build" | "app";
  /** Key of the build dependencies if the build changed them; otherwise null. */
  readonly changedDependencies: string | null;
  /** Buildpacks by URL that built the files, in order. */
  readonly buildpacks: readonly BuildpackOrigin[];
  /** Opens the tar of the files. It may be called several times. */
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
  // Before the status changes: if the build removed the directory, the build has failed.
  const tree = await files.open();
  logSlugIgnore(log, built.slugIgnore);
  log.line("-----> Pushing the image");
  await lease.changeStatus("pushing", log.lastSeq);
  const unneeded = await unneededImages(context, app.id);
  const pushAgain = async (changed: AppFiles, labels: Labels) =>
    pushTree(context, attempt, { files: changed, built, tree: await changed.open(), labels });
  let image = await pushTree(context, attempt, { files, built, tree, labels: {} });
  // A build may produce different files for the same inputs. Its files get another time, so that no changed file keeps both its size and
  // its time.
  if (former?.inputs === files.inputs && former.appDiffId !== image.layers.at(-1)?.diffId)
    image = await pushAgain({ ...files, sourceTime: files.sourceTime - 1 }, {});
  // A removal of an identical old image may be in progress and would also remove this image: an additional label changes the digest.
  if (unneeded.has(image.digest)) image = await pushAgain(files, { [label.deployment]: lease.deployment.id });
  log.line(`       Pushed ${image.reference}, ${mebibytesText(image.sizeBytes, "tenths")}`);
  return image;
}

/** Logs which lines of .slugignore have no effect. @param text the file's content; null without the file. */
export function logSlugIgnore(log: Pick<Attempt["log"], "line">, text: string | null): void {
  for (const problem of parseSlugIgnore(text ?? "").problems) log.line(` !     ${problem}`);
}

/** The same tree, time and labels result in the same digest. */
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
