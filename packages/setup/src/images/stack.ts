// Provides the stack: an image for releases and an image for builds. Variables may name them; otherwise they are built once per machine
// from stacks/. Pushes both to the installation's registry.

import { join } from "node:path";
import type { Engine } from "../engine/engine-connection.ts";
import { imageId, pullImage, pushImage } from "../engine/engine-images.ts";
import { step } from "../progress.ts";
import type { PrintLine, Step } from "../progress.ts";
import { repositoryRoot } from "../repository.ts";
import { hasManifest } from "../services/registry.ts";
import { reasonOf, SetupError } from "../setup-error.ts";
import { definitionHash, ensureBuilt } from "./image-builder.ts";
import type { ImageDefinition } from "./image-builder.ts";

/** References of the two images. */
export interface Stack {
  /** Image that releases run on. */
  readonly run: string;
  /** Image that builds run in: the run image plus compilers. */
  readonly build: string;
}

/** Images that the operator names: STACK_IMAGE and STACK_BUILD_IMAGE. */
export interface GivenStack {
  readonly stackImage?: string;
  readonly stackBuildImage?: string;
}

interface StackOptions {
  dataDir: string;
  engine: Engine;
  registryUrl: string;
  given: GivenStack;
}

/** An image in the engine, and its tag in the registry. */
export interface EngineImage {
  readonly name: string;
  readonly id: string;
  readonly tag: string;
}

const repositories: Stack = { run: "slipway/stack", build: "slipway/stack-build" };
/** Folder of the stack definitions in this repository. */
export const stackFolder: string = join(repositoryRoot, "stacks");
const definition: ImageDefinition = {
  what: "the stack",
  builder: join(stackFolder, "build-stack.sh"),
  definedBy: ["image", "build-stack.sh", "debootstrap.sh"].map((name) => join(stackFolder, name)),
  programs: ["debootstrap", "docker"],
  advice: "set STACK_IMAGE to a stack image that the engine has or can pull",
  name: "stack",
};

/** The local tags of this clone's stack definition, shared by all clones with the same definition. */
async function localStackTags(): Promise<Stack> {
  const hash = await definitionHash(...definition.definedBy);
  return { run: `slipway-stack:${hash}`, build: `slipway-stack-build:${hash}` };
}

/** Whether the engine has both images of this clone's stack definition. */
export async function hasLocalStack(engine: Engine): Promise<boolean> {
  const { run, build } = await localStackTags();
  const ids = await Promise.all([run, build].map((tag) => imageId(engine.docker, tag)));
  return !ids.includes(undefined);
}

/** Builds the stack if the engine lacks it. Returns its local tags. Throws SetupError. */
export async function ensureLocalStack(
  engine: Engine,
  dataDir: string,
  printLine: PrintLine,
): Promise<Stack> {
  const tags = await localStackTags();
  await ensureBuilt(engine, [tags.run, tags.build] as const, definition, {
    dataDir,
    step: step(printLine, "stack"),
  });
  return tags;
}

/** Name of the stack that is built here, as in stacks/image/stack.conf. */
export const ownStackName = "slipway-12";

/** Ensures that the registry and the engine have both images. Returns their references in the registry. Throws SetupError. */
export async function ensureStack(options: StackOptions, printLine: PrintLine): Promise<Stack> {
  const { engine, registryUrl } = options;
  const stack = step(printLine, "stack");
  const images = await engineImages(options, stack);
  const registry = { url: registryUrl, repository: repositories.run };
  const run = await ensurePushed(engine, images.run, registry, stack);
  if (images.build.id === images.run.id) return { run, build: run };
  const build = await ensurePushed(
    engine,
    images.build,
    { ...registry, repository: repositories.build },
    stack,
  );
  return { run, build };
}

/** The images named by the operator, or else those built here. If only STACK_IMAGE is named, builds run in it too. */
async function engineImages(
  { dataDir, engine, given }: StackOptions,
  stack: Step,
): Promise<Record<keyof Stack, EngineImage>> {
  const { stackImage, stackBuildImage } = given;
  if (stackImage !== undefined) {
    const run = await ensurePulled(engine, "STACK_IMAGE", stackImage, stack);
    if (stackBuildImage === undefined) return { run, build: run };
    return { run, build: await ensurePulled(engine, "STACK_BUILD_IMAGE", stackBuildImage, stack) };
  }
  const tags = await localStackTags();
  const [runId, buildId] = await ensureBuilt(engine, [tags.run, tags.build] as const, definition, {
    dataDir,
    step: stack,
  });
  const run = engineImage(tags.run, runId, tags.run.slice(tags.run.indexOf(":") + 1));
  if (stackBuildImage === undefined) return { run, build: engineImage(tags.build, buildId, run.tag) };
  return { run, build: await ensurePulled(engine, "STACK_BUILD_IMAGE", stackBuildImage, stack) };
}

export async function ensurePulled(
  engine: Engine,
  variable: string,
  image: string,
  { during }: Step,
): Promise<EngineImage> {
  const present = await imageId(engine.docker, image);
  if (present !== undefined) return engineImage(image, present);
  try {
    await during(`pulling ${image}`, (note) => pullImage(engine.docker, image, note));
  } catch (error) {
    throw new SetupError(
      `${variable}=${image} is not in the engine and cannot be pulled (${reasonOf(error)}): name another image, or unset ${variable}.`,
    );
  }
  const id = await imageId(engine.docker, image);
  if (id !== undefined) return engineImage(image, id);
  throw new SetupError(
    `${variable}=${image} was pulled, but the engine has no image of that name: check the name.`,
  );
}

export function engineImage(
  name: string,
  id: string,
  tag = id.replace("sha256:", "").slice(0, 12),
): EngineImage {
  return { name, id, tag };
}

/** Pushes the image if necessary. Returns its reference in the registry. */
export async function ensurePushed(
  engine: Engine,
  { name, id, tag }: EngineImage,
  { url, repository }: { url: string; repository: string },
  stack: Step,
): Promise<string> {
  const registry = new URL(url);
  const reference = `${registry.host}/${repository}:${tag}`;
  if ((await imageId(engine.docker, reference)) === id && (await hasManifest(url, repository, tag))) {
    stack.report(reference);
    return reference;
  }
  try {
    await stack.during(`pushing ${name} to the registry`, (note) =>
      pushImage(engine.docker, name, { registry, repository, tag }, note),
    );
  } catch (error) {
    throw new SetupError(
      `The engine cannot push ${name} to ${registry.host} (${reasonOf(error)}).
  Check that the engine reaches that registry and, if it speaks plain HTTP, lists it in "insecure-registries".`,
    );
  }
  stack.report(`${reference} (from ${name})`);
  return reference;
}
