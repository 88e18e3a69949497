// The inputs of a Dockerfile's build, from the app's variables and the source's control files.

import { posix } from "node:path";
import { readDockerfile } from "@slipway/buildkit/dockerfile";
import { dockerfilePath, projectDirectory } from "@slipway/buildpacks";
import { SlipwayError } from "@slipway/core";
import type { SourceFacts } from "@slipway/archive";

export interface DockerfilePlan {
  /** Folder of the source that is the build's context; "" for the source itself. */
  readonly folder: string;
  /** Path of the Dockerfile in the context. */
  readonly dockerfile: string;
  /** The stage to build; null for the last one. */
  readonly target: string | null;
  readonly arguments: Readonly<Record<string, string>>;
  /** Images that the engine pulls for the build, if the Dockerfile names them. */
  readonly baseImages: readonly string[];
  /** Content of the ignore file for the context; null when there is none. */
  readonly ignore: string | null;
  /** Paths in the context that are never ignored. */
  readonly kept: readonly string[];
}

const maxBytes = "256 KiB";

/**
 * @param given values of arguments besides the variables, which override them.
 * @throws {SlipwayError} "build-failed" with the reasons, when there is no Dockerfile, or when it cannot be built here.
 */
export function planDockerfile(
  { captured, oversized }: Pick<SourceFacts, "captured" | "oversized">,
  variables: Readonly<Record<string, string>>,
  given: Readonly<Record<string, string>>,
): DockerfilePlan {
  const path = dockerfilePath(variables);
  const folder = projectDirectory(variables);
  const dockerfile = path === null ? ".." : posix.relative(folder, path);
  if (path === null || dockerfile.startsWith(".."))
    throw failed(
      `DOCKERFILE_PATH is ${variables["DOCKERFILE_PATH"] ?? ""}: it must be a file inside the source`,
    );
  if (oversized.has(path)) throw failed(`${path} is larger than ${maxBytes}`);
  const text = captured.get(path)?.toString("utf8");
  if (text === undefined)
    throw failed(`the source has no ${path}. Add it, set DOCKERFILE_PATH, or set the app's builder to auto`);
  const { declaredArguments, refusals, baseImages } = readDockerfile(text);
  if (refusals.length > 0) throw failed(`${path} cannot be built here: ${refusals.join("; ")}`);
  const declared = Object.entries({ ...variables, ...given }).filter(([name]) => declaredArguments.has(name));
  const values = Object.fromEntries(declared);
  const ignores = [`${dockerfile}.dockerignore`, ".dockerignore"];
  const ignore = ignores
    .map((name) => captured.get(posix.join(folder, name)))
    .find((one) => one !== undefined);
  return {
    folder,
    dockerfile,
    target: variables["DOCKERFILE_TARGET"] || null,
    arguments: values,
    baseImages: baseImages(values),
    ignore: ignore?.toString("utf8") ?? null,
    kept: [dockerfile],
  };
}

function failed(message: string): SlipwayError {
  return new SlipwayError("build-failed", message);
}
