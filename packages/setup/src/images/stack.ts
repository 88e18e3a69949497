// Provides the stack image: STACK_IMAGE, else one built per machine from stacks/. Pushes it to the installation's registry.

import { join } from "node:path";
import type { Engine } from "../engine/engine-connection.ts";
import { imageId, pullImage, pushImage } from "../engine/engine-images.ts";
import { step } from "../progress.ts";
import type { Say, Step } from "../progress.ts";
import { repositoryRoot } from "../repository.ts";
import { hasManifest } from "../services/registry.ts";
import { reasonOf, SetupError } from "../setup-error.ts";
import { definitionHash, ensureBuilt } from "./image-builder.ts";
import type { ImageDefinition } from "./image-builder.ts";

const repository = "slipway/stack";
const folder = join(repositoryRoot, "stacks");
const definition: ImageDefinition = {
  what: "the stack image",
  builder: join(folder, "build-stack.sh"),
  definedBy: ["image", "build-stack.sh", "debootstrap.sh"].map((name) => join(folder, name)),
  programs: ["debootstrap", "docker"],
  advice: "set STACK_IMAGE to a stack image that the engine has or can pull",
  name: "stack",
};

/** The local tag of this clone's stack definition, shared by all clones with the same definition. */
export async function localStackTag(): Promise<string> {
  return `slipway-stack:${await definitionHash(...definition.definedBy)}`;
}

/** Builds the stack image if the engine lacks it. Returns its local tag. Throws SetupError. */
export async function ensureLocalStack(engine: Engine, dataDir: string, say: Say): Promise<string> {
  const tag = await localStackTag();
  await ensureBuilt(engine, tag, definition, { dataDir, step: step(say, "stack") });
  return tag;
}

/** Ensures that the registry and the engine have the stack image. Returns its reference in the registry. Throws SetupError. */
export async function ensureStack(
  {
    dataDir,
    engine,
    registryUrl,
    given,
  }: { dataDir: string; engine: Engine; registryUrl: string; given: string | undefined },
  say: Say,
): Promise<string> {
  const stack = step(say, "stack");
  const image = given ?? (await localStackTag());
  const id =
    given === undefined
      ? await ensureBuilt(engine, image, definition, { dataDir, step: stack })
      : await ensurePulled(engine, given, stack);
  const tag =
    given === undefined ? image.slice(image.indexOf(":") + 1) : id.replace("sha256:", "").slice(0, 12);
  const registry = new URL(registryUrl);
  const reference = `${registry.host}/${repository}:${tag}`;
  if ((await imageId(engine.docker, reference)) === id && (await hasManifest(registryUrl, repository, tag))) {
    stack.report(reference);
    return reference;
  }
  await push(engine, image, { registry, repository, tag }, stack);
  stack.report(`${reference} (from ${image})`);
  return reference;
}

async function ensurePulled(engine: Engine, image: string, { during }: Step): Promise<string> {
  const present = await imageId(engine.docker, image);
  if (present !== undefined) return present;
  try {
    await during(`pulling ${image}`, (note) => pullImage(engine.docker, image, note));
  } catch (error) {
    throw new SetupError(
      `STACK_IMAGE=${image} is not in the engine and cannot be pulled (${reasonOf(error)}): name another image, or unset STACK_IMAGE to build one.`,
    );
  }
  const id = await imageId(engine.docker, image);
  if (id === undefined)
    throw new SetupError(
      `STACK_IMAGE=${image} was pulled, but the engine has no image of that name: check the name.`,
    );
  return id;
}

async function push(
  engine: Engine,
  image: string,
  target: { registry: URL; repository: string; tag: string },
  { during }: Step,
): Promise<void> {
  try {
    await during("pushing the image to the registry", (note) =>
      pushImage(engine.docker, image, target, note),
    );
  } catch (error) {
    throw new SetupError(
      `The engine cannot push the stack image to ${target.registry.host} (${reasonOf(error)}).
  Check that the engine reaches that registry and, if it speaks plain HTTP, lists it in "insecure-registries".`,
    );
  }
}
