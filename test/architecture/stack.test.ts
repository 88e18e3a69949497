// The two ways to make the stack image, docker build and debootstrap, say the same of it.

import { expect, test } from "vitest";
import { textOf } from "./repository.ts";

const instruction = /^(ENV|LABEL|WORKDIR|USER|CMD) (.+)$/;
const values = new Map(
  Array.from(textOf("stacks/image/stack.conf").matchAll(/^([A-Z_]+)=(.*)$/gm), ([, name, value]) => [
    name,
    value,
  ]),
);

test("stacks/Dockerfile sets what stacks/build-stack.sh sets", () => {
  const ofBuilder = Array.from(
    textOf("stacks/build-stack.sh").matchAll(/--change (['"])(.+)\1/g),
    ([, , change = ""]) => change.replaceAll(/\$([A-Z_]+)/g, (_, name: string) => values.get(name) ?? ""),
  );
  const ofDockerfile = textOf("stacks/Dockerfile")
    .split("\n")
    .filter((line) => instruction.test(line));
  expect(ofBuilder.length).toBeGreaterThan(0);
  expect(ofDockerfile.flatMap(single).toSorted()).toEqual(ofBuilder.toSorted());
});

test("stacks/Dockerfile begins with the suite that debootstrap makes", () => {
  expect(textOf("stacks/Dockerfile")).toContain(`FROM debian:${values.get("SUITE")}-slim\n`);
});

/** An ENV of several variables as several. */
function single(line: string): string[] {
  const [, name = "", rest = ""] = instruction.exec(line) ?? [];
  return name === "ENV" ? rest.split(" ").map((one) => `ENV ${one}`) : [line];
}
