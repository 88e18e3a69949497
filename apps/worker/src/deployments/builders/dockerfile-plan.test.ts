import { describe, expect, test } from "vitest";
import { refusal } from "@slipway/testkit";
import { planDockerfile } from "./dockerfile-plan.ts";

type Variables = Readonly<Record<string, string>>;

function planned(files: Variables, variables: Variables = {}, oversized: readonly string[] = []) {
  const captured = new Map(Object.entries(files).map(([name, text]) => [name, Buffer.from(text)]));
  const given = { SOURCE_VERSION: "4f1d0c7" };
  return planDockerfile({ captured, oversized: new Set(oversized) }, variables, given);
}

test("a build gets the variables that its Dockerfile declares as arguments, and the git ref", () => {
  const text = "FROM x\nARG VERSION=1\nARG SOURCE_VERSION\nARG UNSET\nRUN true\n";
  const { arguments: given, target } = planned({ Dockerfile: text }, { VERSION: "2", TOKEN: "secret" });
  expect(given).toEqual({ VERSION: "2", SOURCE_VERSION: "4f1d0c7" });
  expect(target).toBeNull();
});

test("the Dockerfile, its stage and its context are what the variables name", () => {
  const files = { "web/ops/Dockerfile.web": "FROM x", "web/.dockerignore": "a", ".dockerignore": "other" };
  const variables = { PROJECT_DIR: "/web", DOCKERFILE_PATH: "ops/Dockerfile.web", DOCKERFILE_TARGET: "run" };
  const expected = { folder: "web", dockerfile: "ops/Dockerfile.web", target: "run", ignore: "a" };
  expect(planned(files, variables)).toMatchObject(expected);
  const own = { ...files, "web/ops/Dockerfile.web.dockerignore": "b" };
  expect(planned(own, variables).ignore).toBe("b");
});

describe("a Dockerfile that cannot be built", () => {
  const refused = (...given: Parameters<typeof planned>) => refusal((async () => planned(...given))());

  test.each<[Variables, Variables, RegExp]>([
    [{}, {}, /the source has no Dockerfile/],
    [{}, { DOCKERFILE_PATH: "../x" }, /must be a file inside the source/],
    [{ x: "FROM x" }, { PROJECT_DIR: "web", DOCKERFILE_PATH: "../x" }, /must be a file inside the source/],
    [{ Dockerfile: "FROM x\nADD http://x /x" }, {}, /cannot be built here: ADD http/],
  ])("the source %j with the variables %j is refused with the reason", async (files, variables, reason) => {
    expect(await refused(files, variables)).toMatch(reason);
  });

  test("a Dockerfile that is too large is refused", async () => {
    expect(await refused({}, {}, ["Dockerfile"])).toMatch(/Dockerfile is larger than 256 KiB/);
  });
});
