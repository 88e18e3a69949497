// Reads from a builder image of Cloud Native Buildpacks how to run its lifecycle.

import { SlipwayError } from "@slipway/core";
import { fieldOf, stringOf, stringsOf, type Table, tableOf } from "../documents.ts";

/** Versions of the platform API that Slipway supports, newest first. */
const platformApis = ["0.14", "0.13", "0.12"];

export interface BuilderImage {
  /** Value of CNB_PLATFORM_API. */
  readonly platformApi: string;
  readonly user: { readonly uid: number; readonly gid: number };
  /** Image that releases run on; null when the labels name none. */
  readonly runImage: string | null;
  /** Version of the lifecycle, for display. */
  readonly lifecycle: string;
}

const metadataLabel = "io.buildpacks.builder.metadata";
const apisLabel = "io.buildpacks.lifecycle.apis";

/**
 * @param image the image's labels and environment.
 * @throws {SlipwayError} "build-failed" with the reason when it is not a builder image, or Slipway cannot run its lifecycle.
 */
export function readBuilderImage(
  reference: string,
  image: {
    readonly labels: Readonly<Record<string, string>>;
    readonly environment: Readonly<Record<string, string>>;
  },
): BuilderImage {
  const metadata = jsonLabel(reference, image.labels, metadataLabel);
  const apis = Object.keys(jsonLabel(reference, image.labels, apisLabel)).length > 0 ? apisLabel : null;
  const versions =
    apis === null
      ? tableOf(fieldOf(metadata, "lifecycle", "apis", "platform"))
      : tableOf(fieldOf(jsonLabel(reference, image.labels, apis), "platform"));
  const offered = [...stringsOf(versions["supported"]), ...stringsOf(versions["deprecated"])];
  const platformApi = platformApis.find((version) => offered.includes(version));
  if (platformApi === undefined)
    throw failed(
      `the lifecycle of the builder image ${reference} supports the platform APIs ${offered.join(", ") || "(unknown)"}; Slipway requires one of ${platformApis.join(", ")}: use a newer builder image`,
    );
  const [first] = Array.isArray(metadata["images"]) ? metadata["images"] : [];
  return {
    platformApi,
    user: userOf(reference, image.environment),
    runImage: stringOf(tableOf(first), "image") || stringOf(metadata, "stack", "runImage", "image") || null,
    lifecycle: stringOf(metadata, "lifecycle", "version") || "(unknown version)",
  };
}

function userOf(reference: string, environment: Readonly<Record<string, string>>): BuilderImage["user"] {
  const idOf = (name: string) => {
    const value = environment[name] ?? "";
    if (!/^[1-9]\d{0,8}$/.test(value))
      throw failed(
        `${reference} cannot be used as a builder image: its variable ${name} must be the id of a user or group other than root`,
      );
    return Number(value);
  };
  return { uid: idOf("CNB_USER_ID"), gid: idOf("CNB_GROUP_ID") };
}

function jsonLabel(reference: string, labels: Readonly<Record<string, string>>, name: string): Table {
  const text = labels[name];
  if (text === undefined) {
    if (name !== metadataLabel) return {};
    throw failed(`${reference} is not a builder image: it has no label ${name}`);
  }
  try {
    return tableOf(JSON.parse(text));
  } catch (error) {
    throw failed(`${reference} is not a builder image: its label ${name} is not JSON`, error);
  }
}

function failed(message: string, cause?: unknown): SlipwayError {
  return new SlipwayError("build-failed", message, { cause });
}
