// The stack of an app: the images that its builds run in and its releases run on.

import { SlipwayError } from "@slipway/core";
import type { App } from "@slipway/core";
import type { WorkerConfig } from "../config.ts";
import type { LanguageToolchains } from "./language-toolchains.ts";

export interface StackContext {
  readonly config: Pick<WorkerConfig, "stacks" | "stackName" | "stackImage" | "stackBuildImage">;
  /** For the stack of the configuration. */
  readonly toolchains: LanguageToolchains;
  /** By the name of the stack. */
  readonly stackToolchains: ReadonlyMap<string, LanguageToolchains>;
}

/** @returns the context with the app's stack as its stack. @throws {SlipwayError} "build-failed" when the operator removed it. */
export function onStackOf<C extends StackContext>(context: C, { stack: name }: Pick<App, "stack">): C {
  if (name === null) return context;
  const { stacks } = context.config;
  const stack = stacks.find((each) => each.name === name);
  const toolchains = context.stackToolchains.get(name);
  if (stack === undefined || toolchains === undefined)
    throw new SlipwayError(
      "build-failed",
      `the app's stack ${name} no longer exists: set its stack to one of ${stacks.map((each) => each.name).join(", ")}`,
    );
  const { run: stackImage, build: stackBuildImage } = stack;
  return {
    ...context,
    toolchains,
    config: { ...context.config, stackName: name, stackImage, stackBuildImage },
  };
}
