// The builder image of an app: which one, whether it may be used, and how its lifecycle is run.

import { readBuilderImage } from "@slipway/buildpacks";
import type { BuilderImage, ProjectDescriptor } from "@slipway/buildpacks";
import { SlipwayError } from "@slipway/core";
import type { BuildEngine } from "@slipway/core";
import type { WorkerConfig } from "../../../config.ts";
import type { Attempt } from "../../attempt.ts";
import { checkImage, openAddresses } from "../step-rules.ts";

export interface BuilderImageContext {
  readonly engine: Pick<BuildEngine, "inspectImage">;
  readonly registry: { readonly host: string };
  readonly config: Pick<WorkerConfig, "cnbBuilder" | "stackImage" | "stackBuildImage" | "egress">;
}

export interface UsedBuilder extends BuilderImage {
  /** As it was named. */
  readonly reference: string;
  /** Its id on the engine. */
  readonly image: string;
  /** Whether the operator named it: only then it may build on images of this installation. */
  readonly trusted: boolean;
}

/** @throws {SlipwayError} "build-failed" when no image is named, or it cannot be used; "registry-unavailable" when it cannot be pulled. */
export async function usedBuilder(
  context: BuilderImageContext,
  { app, signal }: Pick<Attempt, "app" | "signal">,
  descriptor: ProjectDescriptor | null,
): Promise<UsedBuilder> {
  const { cnbBuilder, stackImage, stackBuildImage, egress } = context.config;
  const named = app.builderImage ?? descriptor?.builder ?? cnbBuilder ?? null;
  if (named === null)
    throw new SlipwayError(
      "build-failed",
      "no builder image is named: set the app's builder_image, or builder in project.toml",
    );
  const trusted = named === cnbBuilder;
  const reference = trusted ? named : qualified(named);
  const rules = {
    registryHost: context.registry.host,
    stacks: [stackImage, stackBuildImage],
    open: egress.open,
    addressesOf: openAddresses(),
  };
  if (!trusted) await checkImage(rules, reference);
  const { id, ...image } = await context.engine
    .inspectImage(reference, signal)
    .catch((error: unknown) => Promise.reject(trusted ? error : missing(named, error)));
  return { ...readBuilderImage(named, image), reference: named, image: id, trusted };
}

/** That an image does not exist is the user's to correct; that a registry does not answer is not. */
function missing(named: string, error: unknown): unknown {
  const absent = /not found|unknown|denied|unauthorized|does not exist|invalid reference/i;
  if (!(error instanceof SlipwayError) || error.code !== "registry-unavailable") return error;
  if (!absent.test(error.message)) return error;
  const message = `the builder image ${named} cannot be pulled: ${error.message}. Check its name and that it is public`;
  return new SlipwayError("build-failed", message, { cause: error });
}

/** A name with its registry. An engine would take a short one for the id of any image that it has. */
function qualified(name: string): string {
  if (!/^[\w][\w.:/@-]*$/.test(name) || name.startsWith("sha256:"))
    throw new SlipwayError("build-failed", `${name} is not the name of an image`);
  const [first = "", ...rest] = name.split("/");
  if (rest.length === 0) return `docker.io/library/${name}`;
  return /[.:]|^localhost$/.test(first) ? name : `docker.io/${name}`;
}
