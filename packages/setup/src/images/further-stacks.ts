// Provides the further stacks that STACKS names: images in any registry, or stacks of this repository by name.

import { access } from "node:fs/promises";
import { join } from "node:path";
import { parseStack } from "@slipway/service";
import type { Engine } from "../engine/engine-connection.ts";
import { step } from "../progress.ts";
import type { PrintLine, Step } from "../progress.ts";
import { SetupError } from "../setup-error.ts";
import { definitionHash, ensureBuilt } from "./image-builder.ts";
import { engineImage, ensurePulled, ensurePushed, type EngineImage, stackFolder } from "./stack.ts";

interface FurtherStacksOptions {
  readonly dataDir: string;
  readonly engine: Engine;
  readonly registryUrl: string;
  /** Items of STACKS. */
  readonly items: readonly string[];
}

interface StackImages {
  readonly name: string;
  readonly run: EngineImage;
  readonly build: EngineImage;
}

/** Ensures that the registry and the engine have the stacks' images. @returns STACKS for the apps. Throws SetupError. */
export async function ensureFurtherStacks(
  options: FurtherStacksOptions,
  printLine: PrintLine,
): Promise<string> {
  const stacks: string[] = [];
  for (const item of options.items) {
    const note = step(printLine, "stack");
    const { name, run, build } = await imagesOf(options, item, note);
    const push = (image: EngineImage, repository: string) =>
      ensurePushed(options.engine, image, { url: options.registryUrl, repository }, note);
    const runReference = await push(run, `slipway/stacks/${name}`);
    const buildReference =
      run.id === build.id ? runReference : await push(build, `slipway/stacks/${name}-build`);
    stacks.push(`${name}=${runReference}+${buildReference}`);
  }
  return stacks.join(" ");
}

async function imagesOf(options: FurtherStacksOptions, item: string, note: Step): Promise<StackImages> {
  const { engine } = options;
  if (!item.includes("=")) return await builtHere(options, item, note);
  const stack = parseStack(item);
  if (stack === null)
    throw new SetupError(`STACKS: ${item} is not a stack: use NAME=RUN_IMAGE or NAME=RUN_IMAGE+BUILD_IMAGE.`);
  const run = await ensurePulled(engine, `STACKS: ${stack.name}`, stack.run, note);
  const build =
    stack.build === stack.run ? run : await ensurePulled(engine, `STACKS: ${stack.name}`, stack.build, note);
  return { name: stack.name, run, build };
}

/** A stack defined by a folder of this repository. */
async function builtHere(
  { engine, dataDir }: FurtherStacksOptions,
  name: string,
  note: Step,
): Promise<StackImages> {
  const builder = join(stackFolder, name, "build-stack.sh");
  if (!/^[a-z0-9-]+$/.test(name) || !(await exists(builder)))
    throw new SetupError(
      `STACKS: there is no stack ${name} in stacks/: give its images, ${name}=RUN_IMAGE+BUILD_IMAGE.`,
    );
  const definedBy = [name, "image", "build-stack.sh", "debootstrap.sh"].map((path) =>
    join(stackFolder, path),
  );
  const hash = await definitionHash(...definedBy);
  const tags = [`slipway-stack-${name}:${hash}`, `slipway-stack-${name}-build:${hash}`] as const;
  const programs = ["debootstrap", "docker"];
  const advice = `name its images in STACKS, ${name}=RUN_IMAGE+BUILD_IMAGE`;
  const definition = { what: `the stack ${name}`, builder, definedBy, programs, advice, name };
  const [runId, buildId] = await ensureBuilt(engine, tags, definition, { dataDir, step: note });
  return { name, run: engineImage(tags[0], runId, hash), build: engineImage(tags[1], buildId, hash) };
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
