// The builder image of an app: its selection, its permission, and the settings of its lifecycle.

import { readBuilderImage } from "@slipway/buildpacks";
import type { BuilderImage, ProjectDescriptor } from "@slipway/buildpacks";
import { SlipwayError } from "@slipway/core";
import type { BuildEngine } from "@slipway/core";
import type { WorkerConfig } from "../../../config.ts";
import type { Attempt } from "../../attempt.ts";
import type { CheckPull } from "../pull-limit.ts";
import { checkImage, openAddresses } from "../step-rules.ts";

export interface BuilderImageContext {
  readonly engine: Pick<BuildEngine, "inspectImage">;
  readonly registry: { readonly host: string };
  readonly checkPull: CheckPull;
  readonly config: Pick<WorkerConfig, "cnbBuilder" | "stackImage" | "stackBuildImage" | "egress"> & {
    readonly limits: Pick<WorkerConfig["limits"], "pulledImageBytes">;
  };
}

export interface UsedBuilder extends BuilderImage {
  /** The image's name as the app or the operator wrote it. */
  readonly reference: string;
  /** The image's id on the engine. */
  readonly image: string;
  /** Whether the operator chose the image. Only then may it use images of this installation. */
  readonly trusted: boolean;
}

/** @throws {SlipwayError} "build-failed" when no builder image is set, or it cannot be used; "registry-unavailable" when it cannot be pulled. */
export async function usedBuilder(
  context: BuilderImageContext,
  { app, signal }: Pick<Attempt, "app" | "signal">,
  descriptor: ProjectDescriptor | null,
): Promise<UsedBuilder> {
  const { cnbBuilder, stackImage, stackBuildImage, egress, limits } = context.config;
  const named = app.builderImage ?? descriptor?.builder ?? cnbBuilder ?? null;
  if (named === null)
    throw new SlipwayError(
      "build-failed",
      "no builder image is set: set the app's builder_image, or builder in project.toml",
    );
  const trusted = named === cnbBuilder;
  const reference = trusted ? named : qualified(named);
  const rules = {
    registryHost: context.registry.host,
    stacks: [stackImage, stackBuildImage],
    open: egress.open,
    addressesOf: openAddresses(),
    // Only images that the engine lacks are pulled.
    checkPull: async () => {},
  };
  if (!trusted) await checkImage(rules, reference);
  const ofUser = {
    beforePull: () => context.checkPull(reference, signal),
    maxBytes: limits.pulledImageBytes,
  };
  const { id, ...image } = await context.engine
    .inspectImage(reference, signal, trusted ? undefined : ofUser)
    .catch((error: unknown) => Promise.reject(trusted ? error : missing(named, error)));
  return { ...readBuilderImage(named, image), reference: named, image: id, trusted };
}

/** A missing image is the user's error; a registry that does not answer is the platform's. */
function missing(named: string, error: unknown): unknown {
  const absent = /not found|unknown|denied|unauthorized|does not exist|invalid reference/i;
  if (!(error instanceof SlipwayError) || error.code !== "registry-unavailable") return error;
  if (!absent.test(error.message)) return error;
  const message = `the builder image ${named} cannot be pulled: ${error.message}. Check its name and that it is public`;
  return new SlipwayError("build-failed", message, { cause: error });
}

/** @returns the name with its registry: an engine could interpret a short name as the id of one of its images. */
function qualified(name: string): string {
  if (!/^[\w][\w.:/@-]*$/.test(name) || name.startsWith("sha256:"))
    throw new SlipwayError("build-failed", `${name} is not a valid name of an image`);
  const [first = "", ...rest] = name.split("/");
  if (rest.length === 0) return `docker.io/library/${name}`;
  return /[.:]|^localhost$/.test(first) ? name : `docker.io/${name}`;
}
