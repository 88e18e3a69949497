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

/** @returns the context of an archive, which may be opened any number of times. */
async function contextOf(
  archived: readonly TestEntry[],
  folder: string,
  includes: (path: string) => boolean,
) {
  const { signal } = new AbortController();
  const open = async () =>
    Object.assign(archiveOf(archived), { [Symbol.asyncDispose]: async () => undefined });
  return await unpack(contextTar(open, { folder, includes, limits, signal }));
}

async function namesIn(folder: string, includes: (path: string) => boolean) {
  const found = await contextOf(entries, folder, includes);
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

const linked: readonly TestEntry[] = [
  { path: "app/sub/", type: "5" },
  { path: "app/sub/kept", content: "kept" },
  { path: "app/sub/ignored", content: "content", mode: 0o755 },
  { path: "app/sub/one", type: "1", linkpath: "app/sub/ignored" },
  { path: "app/sub/ignored-link", type: "1", linkpath: "app/sub/one" },
  { path: "app/sub/two", type: "1", linkpath: "app/sub/ignored-link" },
  { path: "app/sub/three", type: "1", linkpath: "app/sub/kept" },
  { path: "app/above", content: "above" },
  { path: "app/sub/four", type: "1", linkpath: "app/above" },
  { path: "app/sub/replaced", type: "1", linkpath: "app/sub/ignored" },
  { path: "app/sub/replaced", content: "new" },
];

test("a hard link to a file that is not part of the context is sent as a file, like docker's client does", async () => {
  const found = await contextOf(linked, "sub", (path) => !path.startsWith("ignored"));
  const shown = found.map(({ name, type, mode, linkname, content }) => [
    name,
    type,
    mode.toString(8),
    linkname || content,
  ]);
  expect(shown).toEqual([
    ["./kept", "File", "644", "kept"],
    ["./three", "Link", "644", "./kept"],
    ["./replaced", "File", "644", "new"],
    ["./one", "File", "755", "content"],
    ["./two", "Link", "755", "./one"],
    ["./four", "File", "644", "above"],
  ]);
});
