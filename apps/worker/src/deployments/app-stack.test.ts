import { expect, test } from "vitest";
import { onStackOf } from "./app-stack.ts";
import type { StackContext } from "./app-stack.ts";
import type { LanguageToolchains } from "./language-toolchains.ts";

const [first, second] = [
  { name: "first", run: "r1", build: "b1" },
  { name: "second", run: "r2", build: "b2" },
];
const failing = { choose: () => Promise.reject(new Error("not asked")) };
const toolchains = (): LanguageToolchains => ({
  nodejs: failing,
  python: failing,
  go: failing,
  php: failing,
  ruby: failing,
});
const [ofFirst, ofSecond] = [toolchains(), toolchains()];
const context: StackContext = {
  config: { stacks: [first, second], stackName: "first", stackImage: "r1", stackBuildImage: "b1" },
  toolchains: ofFirst,
  stackToolchains: new Map([
    ["first", ofFirst],
    ["second", ofSecond],
  ]),
};

test("an app without a choice has the default stack, an app with a choice the images and toolchains of its stack", () => {
  expect(onStackOf(context, { stack: null })).toBe(context);
  const { config, toolchains: chosen } = onStackOf(context, { stack: "second" });
  expect(config).toMatchObject({ stackName: "second", stackImage: "r2", stackBuildImage: "b2" });
  expect(chosen).toBe(ofSecond);
});

test("the error for a removed stack names it and the stacks that exist", () => {
  expect(() => onStackOf(context, { stack: "third" })).toThrow(/stack third no longer exists.*first, second/);
});
