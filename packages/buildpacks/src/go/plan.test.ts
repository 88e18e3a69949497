// Plans of Go apps.

import { expect, test } from "vitest";
import { SlipwayError } from "@slipway/core";
import { planBuild } from "../plan.ts";

function planned(goMod: string, variables: Readonly<Record<string, string>> = {}) {
  return planBuild({
    captured: new Map([["go.mod", Buffer.from(goMod)]]),
    oversized: new Set(),
    names: ["go.mod", "main.go"],
    variables,
  }).language;
}

const mod = (lines: string) =>
  `module example.com/shop\n\n${lines}\n\nrequire (\n\tgo.uber.org/zap v1.27.0\n)\n`;

test.each<[string, string, Record<string, string>, string, string]>([
  ["a go line", mod("go 1.22"), {}, "1.22", "the go line of go.mod"],
  ["a comment after it", mod("go 1.22.3 // as in CI"), {}, "1.22.3", "the go line of go.mod"],
  ["line ends of Windows", mod("go 1.22").replaceAll("\n", "\r\n"), {}, "1.22", "the go line of go.mod"],
  ["a toolchain line", mod("go 1.22\ntoolchain go1.23.4"), {}, "1.23.4", "the toolchain line of go.mod"],
  [
    "a toolchain of a vendor",
    mod("go 1.22\ntoolchain go1.23.4-custom"),
    {},
    "1.23.4",
    "the toolchain line of go.mod",
  ],
  ["the default toolchain", mod("go 1.23rc1\ntoolchain default"), {}, "1.23rc1", "the go line of go.mod"],
  [
    "Heroku's comment",
    mod("// +heroku goVersion go1.21\ngo 1.20"),
    {},
    "1.21",
    "+heroku goVersion of go.mod",
  ],
  ["a variable", mod("go 1.22"), { GOVERSION: "go1.24.1" }, "1.24.1", "the variable GOVERSION"],
  ["nothing", mod(""), {}, "", "the default"],
])("%s decides the version of Go", (_what, text, variables, wanted, wantedIn) => {
  expect(planned(text, variables)).toMatchObject({
    kind: "go",
    go: { wanted, wantedIn },
    install: null,
    releasedOn: "stack",
    web: null,
  });
});

test.each<[string, string, Record<string, string>, string]>([
  ["no module line", "go 1.22\n", {}, 'It has no "module" line. Run: go mod init example.com/app.'],
  ["a go line with a word", mod("go latest"), {}, 'Line 3 names "latest", which is not a version of Go.'],
  ["a block without an end", "module a\nrequire (\n", {}, 'A block "require (" has no end.'],
  ["a merge conflict", mod("<<<<<<< HEAD\ngo 1.22"), {}, "Line 3 is a mark of a merge conflict."],
  [
    "a toolchain with a word",
    mod("toolchain 1.22"),
    {},
    'Line 3 names "1.22", which is not a version of Go.',
  ],
  ["GOVERSION with a word", mod("go 1.22"), { GOVERSION: "newest" }, "The variable GOVERSION is"],
])("%s is an error of the user, with what to change", (_what, text, variables, message) => {
  const plan = () => planned(text, variables);
  expect(plan).toThrow(SlipwayError);
  expect(plan).toThrow(message);
});

test("a module path in a block or in quotes is read", () => {
  expect(planned('module (\n\t"example.com/shop"\n)\ngo 1.22\n')).toMatchObject({ go: { wanted: "1.22" } });
});

test("an app with package.json and go.mod is a Go app when BUILDPACK_NAME says so", () => {
  const source = (variables: Record<string, string>) => ({
    captured: new Map([
      ["go.mod", Buffer.from(mod("go 1.22"))],
      ["package.json", Buffer.from('{"scripts":{"start":"node ."}}')],
    ]),
    oversized: new Set<string>(),
    names: ["go.mod", "package.json"],
    variables,
  });
  expect(planBuild(source({})).language?.kind).toBe("nodejs");
  expect(planBuild(source({ BUILDPACK_NAME: "go" })).language?.kind).toBe("go");
});

test("a go.mod that is a link or too large is an error of the user", () => {
  const source = { captured: new Map(), oversized: new Set(["go.mod"]), names: ["go.mod"], variables: {} };
  expect(() => planBuild(source)).toThrow("go.mod must be a regular file of at most 1 MiB.");
});
