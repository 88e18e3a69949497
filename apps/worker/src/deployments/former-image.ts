// The image of the app's current release, and the file times of the next one.

import { createHash } from "node:crypto";
import type { App, ImageRegistry, Store, StoredImage } from "@slipway/core";

/** Labels of an app's image. */
export const imageLabel = {
  /** Digest of all inputs that determined the build's result. */
  inputs: "io.slipway.inputs",
  /** Time of the app's files, in seconds since 1970. */
  sourceTime: "io.slipway.source-time",
  /** Key of the dependency image that the app's files are based on. */
  dependencies: "io.slipway.dependencies",
  /** Name, URL and revision of each buildpack by URL that built the app, in order, as JSON. */
  buildpacks: "io.slipway.buildpacks",
  /** Key of the build dependencies, if the build changed them. */
  changedDependencies: "io.slipway.changed-dependencies",
} as const;

export interface FormerImage {
  readonly inputs: string;
  /** Seconds since 1970. */
  readonly sourceTime: number;
  readonly appDiffId: string;
  /** Key of the build dependencies if the build changed them; otherwise null. */
  readonly changedDependencies: string | null;
}

/** The earliest time of a file, because zip archives cannot hold times before 1980. */
const earliestSeconds = Date.UTC(1980, 0, 2) / 1000;
const spreadSeconds = 60;
const dependenciesSpreadSeconds = 20 * 365 * 24 * 3600;

export interface FormerImageContext {
  readonly store: { readonly releases: Pick<Store["releases"], "get"> };
  readonly registry: Pick<ImageRegistry, "inspect">;
}

/** @returns null when the app has no current image, or when a version without layers made the image. */
export async function formerImage(
  { store, registry }: FormerImageContext,
  { currentReleaseId }: App,
  signal: AbortSignal,
): Promise<FormerImage | null> {
  const release = currentReleaseId === null ? null : await store.releases.get(currentReleaseId);
  const image = release === null ? null : await registry.inspect(release.image, signal);
  return image === null ? null : readFormerImage(image);
}

function readFormerImage({ config: { labels }, layers }: StoredImage): FormerImage | null {
  const { [imageLabel.inputs]: inputs, [imageLabel.sourceTime]: time } = labels;
  const app = layers.at(-1);
  if (inputs === undefined || time === undefined || app === undefined) return null;
  const changedDependencies = labels[imageLabel.changedDependencies] ?? null;
  return { inputs, sourceTime: Number(time), appDiffId: app.diffId, changedDependencies };
}

/**
 * The time of an app's files. Servers derive ETags from it, so different inputs get a different time. It is the same for the same inputs,
 * follows the times of the source, and is never in the future.
 * @param newest the time of the source's newest file.
 * @returns seconds since 1970.
 */
export function sourceTime(
  inputs: string,
  { newest, createdAt }: { readonly newest: Date; readonly createdAt: Date },
  former: FormerImage | null,
): number {
  if (former?.inputs === inputs) return former.sourceTime;
  const stated = Math.floor(Math.min(newest.getTime(), createdAt.getTime()) / 1000);
  // Archivers may give all files the same constant time, so the inputs shift the time by up to a minute.
  const time = Math.max(stated, earliestSeconds) - (numberOf(inputs) % spreadSeconds);
  return time === former?.sourceTime ? time - 1 : time;
}

/** @returns seconds since 1970, the same for the same key: dependencies with other versions get another time. */
export function dependenciesTime(key: string): number {
  return earliestSeconds + (numberOf(key) % dependenciesSpreadSeconds);
}

function numberOf(text: string): number {
  return createHash("sha256").update(text).digest().readUInt32BE(0);
}
