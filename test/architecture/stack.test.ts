// The two ways to build the stack, docker build and debootstrap, give its images the same settings.

import { expect, test } from "vitest";
import { textOf } from "./repository.ts";

const instruction = /^(ENV|LABEL|WORKDIR|USER|CMD) (.+)$/;
const values = new Map(
  Array.from(textOf("stacks/image/stack.conf").matchAll(/^([A-Z_]+)=(.*)$/gm), ([, name, value]) => [
    name,
    value,
  ]),
);

const [ofRun = "", ofBuild = ""] = textOf("stacks/Dockerfile").split("FROM run AS build\n");

test("stacks/Dockerfile sets what stacks/build-stack.sh sets", () => {
  const ofBuilder = Array.from(
    textOf("stacks/build-stack.sh").matchAll(/--change (['"])(.+)\1/g),
    ([, , change = ""]) => change.replaceAll(/\$([A-Z_]+)/g, (_, name: string) => values.get(name) ?? ""),
  );
  const ofDockerfile = instructionsOf(ofRun);
  expect(ofBuilder.length).toBeGreaterThan(0);
  expect(ofDockerfile.flatMap(single).toSorted()).toEqual(ofBuilder.toSorted());
});

test("the build image of stacks/Dockerfile has the settings of its run image", () => {
  const user = instructionsOf(ofRun).filter((line) => line.startsWith("USER "));
  expect(instructionsOf(ofBuild)).toEqual(["USER 0:0", ...user]);
});

test("stacks/Dockerfile begins with the suite that debootstrap makes", () => {
  expect(textOf("stacks/Dockerfile")).toContain(`FROM debian:${values.get("SUITE")}-slim AS run\n`);
});

function instructionsOf(stage: string): string[] {
  return stage.split("\n").filter((line) => instruction.test(line));
}

/** Converts an instruction with several values to several instructions. */
function single(line: string): string[] {
  const [, name = "", rest = ""] = instruction.exec(line) ?? [];
  return name === "ENV" || name === "LABEL" ? rest.split(" ").map((one) => `${name} ${one}`) : [line];
}
