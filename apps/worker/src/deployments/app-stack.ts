// The stack of an app: the images that its builds run in and its releases run on.

import { SlipwayError } from "@slipway/core";
import type { App } from "@slipway/core";
import type { WorkerConfig } from "../config.ts";
import type { LanguageToolchains } from "./language-toolchains.ts";

export interface StackContext {
  readonly config: Pick<WorkerConfig, "stacks" | "stackName" | "stackImage" | "stackBuildImage">;
  /** Toolchains of the default stack. */
  readonly toolchains: LanguageToolchains;
  /** Toolchains by the stack's name. */
  readonly stackToolchains: ReadonlyMap<string, LanguageToolchains>;
}

/**
 * @returns the context with the app's stack instead of the default one.
 * @throws {SlipwayError} "build-failed" when the operator removed the app's stack.
 */
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
