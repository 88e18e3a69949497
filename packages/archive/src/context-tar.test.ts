import { expect, test } from "vitest";
import { archiveOf, type TestEntry, unpack } from "../test-support/archives.ts";
import { limits } from "../test-support/sources.ts";
import { contextTar } from "./context-tar.ts";

const entries: readonly TestEntry[] = [
  { path: "app/Dockerfile", content: "FROM scratch" },
  { path: "app/docs/", type: "5" },
  { path: "app/docs/a.md", content: "a" },
  { path: "app/docs/keep/b.txt", content: "b" },
  { path: "app/sub/run", content: "run", mode: 0o755 },
  { path: "app/sub/deep/c", content: "c" },
];

async function namesIn(folder: string, includes: (path: string) => boolean) {
  const signal = new AbortController().signal;
  const found = await unpack(contextTar(archiveOf(entries), { folder, includes, limits, signal }));
  return found.map(({ name, uid, mode }) => [name, uid, mode.toString(8)]);
}

test("a context belongs to root and keeps execute bits", async () => {
  expect(await namesIn("sub", () => true)).toEqual([
    ["./run", 0, "755"],
    ["./deep/", 0, "755"],
    ["./deep/c", 0, "644"],
  ]);
});

test("a context lacks what is ignored, except the folders above what is not", async () => {
  const names = await namesIn("", (path) => path.endsWith(".txt") || path === "Dockerfile");
  expect(names.map(([name]) => name)).toEqual([
    "./Dockerfile",
    "./docs/",
    "./docs/keep/",
    "./docs/keep/b.txt",
  ]);
});
