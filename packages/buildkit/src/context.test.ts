import { expect, test } from "vitest";
import { contextFilter } from "./context.ts";

test("the context has what .dockerignore leaves, exceptions and the Dockerfile included", () => {
  const includes = contextFilter("# comment\nnode_modules\n*.md\n!README.md\n**/*.log\n.git/\nDockerfile\n", [
    "Dockerfile",
  ]);
  const paths = [
    "src/a.js",
    "node_modules/x/y",
    "notes.md",
    "README.md",
    "docs/notes.md",
    "a/b/c.log",
    ".git/HEAD",
    "Dockerfile",
    "NODE_MODULES/x",
  ];
  expect(paths.filter((path) => includes(path))).toEqual([
    "src/a.js",
    "README.md",
    "docs/notes.md",
    "Dockerfile",
    "NODE_MODULES/x",
  ]);
});

test("without a .dockerignore everything is part of the context", () => {
  expect(contextFilter(null, [])("node_modules/x")).toBe(true);
});
