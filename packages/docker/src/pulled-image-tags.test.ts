import { expect, test } from "vitest";
import { isPulledName, pulledTagRepository, pulledTag } from "./pulled-image-tags.ts";

const digest = `sha256:${"0".repeat(64)}`;

test.each([
  ["docker.io/library/builder", "builder:latest"],
  ["docker.io/heroku/builder:24", "heroku/builder:24"],
  [`docker.io/heroku/builder:24@${digest}`, `heroku/builder@${digest}`],
  ["registry.example:5000/a/b", "registry.example:5000/a/b:latest"],
  ["registry.example:5000/a/b:1", "registry.example:5000/a/b:1"],
])("an image that is pulled as %s is found by the engine's name %s", (pulled, listed) => {
  const repository = pulledTagRepository("0a1b");
  const names = [`${repository}:${pulledTag(pulled)}`, listed, "a-name/of-others:1"];
  expect(names.filter((name) => isPulledName(repository, name, names))).toEqual(names.slice(0, 2));
});
