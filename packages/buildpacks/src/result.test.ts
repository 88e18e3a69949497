import { packTar, type TarContent } from "@slipway/testkit";
import { expect, test } from "vitest";
import { receiveResult, resultOf } from "./result.ts";

const tarOf = (entries: Readonly<Record<string, TarContent>>): Promise<Uint8Array> => packTar(entries);

test("the runner's files are read and others are ignored", async () => {
  const result = await resultOf(
    await tarOf({
      "result/": "",
      "result/Procfile": "web: x\n",
      "result/buildpack": "nodejs\n",
      "result/other": "x".repeat(100_000),
      "result/release.yml": { kind: "symlink", target: "/etc/passwd" },
    }),
  );
  expect(result).toEqual({
    buildpack: "nodejs",
    releases: [],
    procfile: "web: x\n",
    slugIgnore: null,
    hasEmptyCache: false,
    keepsDependencies: false,
    app: null,
  });
});

test("what several buildpacks release is read in their order", async () => {
  const entries = { "result/release-10.yml": "c", "result/buildpack": "x\n", "result/release-01.yml": "a" };
  expect((await resultOf(await tarOf({ ...entries, "result/release-02.yml": "b" }))).releases).toEqual([
    "a",
    "b",
    "c",
  ]);
});

test.for([
  ["without a buildpack", { "result/Procfile": "x" }, "does not name the buildpack"],
  ["with a large file", { "result/Procfile": "x".repeat(70_000) }, "Procfile is larger"],
  ["with a large app", { "result/app.tar": "x".repeat(400_000) }, "app.tar is larger"],
] as const)("a result %s is the build's fault", async ([, entries, message]) => {
  await expect(resultOf(await tarOf(entries))).rejects.toMatchObject({
    code: "build-failed",
    message: expect.stringContaining(message),
  });
});

test.for([
  ["cut off", async () => (await tarOf({ "result/buildpack": "nodejs\n" })).subarray(0, 700)],
  ["cut off after a file", async () => (await tarOf({ "result/buildpack": "nodejs\n" })).subarray(0, 1024)],
  ["empty", async () => new Uint8Array()],
  ["no tar", async () => Buffer.from("bash: line 1: x: command not found\n".repeat(20))],
] as const)("a result that is %s is the build's fault", async ([, tar]) => {
  await expect(resultOf(await tar())).rejects.toMatchObject({
    code: "build-failed",
    message: expect.stringContaining("is invalid"),
  });
});

test("a result is received in any pieces, and no more of it than the limit", async () => {
  const tar = await tarOf({ "result/buildpack": "nodejs\n" });
  const received = receiveResult();
  for (const byte of tar) received.write(Uint8Array.of(byte));
  expect((await resultOf(received.bytes())).buildpack).toBe("nodejs");
  const write = () => {
    for (;;) received.write(Buffer.alloc(1000));
  };
  expect(write).toThrow(expect.objectContaining({ code: "build-failed" }));
  expect(write).toThrow("it is larger than 524288 bytes");
});
