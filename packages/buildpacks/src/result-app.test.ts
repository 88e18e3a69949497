import { buffer } from "node:stream/consumers";
import { Readable } from "node:stream";
import { packTar, type TarContent } from "@slipway/testkit";
import { expect, test } from "vitest";
import { appOf } from "./result-app.ts";

const open = async (entries: Readonly<Record<string, TarContent>>) => appOf(await packTar(entries), "app");

test("the tar of a folder is returned as it is", async () => {
  const tar = await packTar({
    "app/": "",
    "app/a": "a",
    "app/b/": "",
    "app/b/hard": { kind: "hardlink", target: "app/a" },
    "app/b/soft": { kind: "symlink", target: "/etc" },
  });
  expect(await buffer(Readable.from(await appOf(tar, "app")))).toEqual(tar);
});

test.for([
  ["in another folder", { "build/": "", "build/a": "" }, "is not the app's folder"],
  ["in a link", { app: { kind: "symlink", target: "/etc" } }, "is not the app's folder"],
  ["beside the folder", { "app/": "", "etc/passwd": "" }, "is not in a folder"],
  ["without its folder", { "app/": "", "app/a/b": "" }, "is not in a folder"],
  ["below a link", { "app/": "", "app/a": { kind: "symlink", target: "/etc" }, "app/a/b": "" }, "is not in"],
  ["above its folder", { "app/": "", "app/..": "" }, "is not a valid path"],
  ["twice", { "app/": "", "app/a": "", "app/a/": "" }, "is in the tar twice"],
  ["as a link to nothing", { "app/": "", "app/a": { kind: "hardlink", target: "/etc/passwd" } }, "hard link"],
] as const)("a file %s is the build's fault", async ([, entries, message]) => {
  await expect(open(entries)).rejects.toMatchObject({
    code: "build-failed",
    message: expect.stringContaining(message),
  });
});

test.for([
  ["damaged", Buffer.alloc(1024, "x")],
  ["empty", Buffer.alloc(1024)],
] as const)("a tar that is %s is the build's fault", async ([, tar]) => {
  await expect(appOf(tar, "app")).rejects.toMatchObject({ code: "build-failed" });
});
