import { expect, test } from "vitest";
import { stackSettings, stacksOf } from "./stacks.ts";

const stacks = (settings: Readonly<Record<string, string>>) =>
  stacksOf(stackSettings.parse({ STACK_IMAGE: "registry:5000/heroku/heroku:24@sha256:00", ...settings }));

test("the default stack comes first, named after its image or by STACK_NAME", () => {
  const run = "registry:5000/heroku/heroku:24@sha256:00";
  expect(stacks({})).toEqual([{ name: "heroku-24", run, build: run }]);
  expect(stacks({ STACK_NAME: "own", STACK_BUILD_IMAGE: "b" })).toEqual([{ name: "own", run, build: "b" }]);
  expect(stacksOf({})).toEqual([{ name: "default", run: "", build: "" }]);
});

test("further stacks have a run image, and a build image or the same", () => {
  const given = "two=r/run:2+r/build:2, three=r/both@sha256:00 heroku-24=other";
  expect(stacks({ STACKS: given }).slice(1)).toEqual([
    { name: "two", run: "r/run:2", build: "r/build:2" },
    { name: "three", run: "r/both@sha256:00", build: "r/both@sha256:00" },
  ]);
  for (const wrong of ["two", "Two=image", "two=a+b+c", "=image"])
    expect(() => stacks({ STACKS: wrong })).toThrow("is not a stack");
});
