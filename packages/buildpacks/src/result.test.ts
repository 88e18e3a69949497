import { pack, type Pack } from "tar-stream";
import { expect, test } from "vitest";
import type { ByteStream } from "@slipway/core";
import { resultOf } from "./result.ts";

function tar(fill: (packer: Pack) => void): ByteStream {
  const packer = pack();
  fill(packer);
  packer.finalize();
  return packer as AsyncIterable<Uint8Array>;
}

test("reads the runner's files and ignores others", async () => {
  const result = await resultOf(
    tar((packer) => {
      packer.entry({ name: "result/", type: "directory" });
      packer.entry({ name: "result/Procfile" }, "web: x\n");
      packer.entry({ name: "result/buildpack" }, "nodejs\n");
      packer.entry({ name: "result/other" }, "x".repeat(100_000));
      packer.entry({ name: "result/release.yml", type: "symlink", linkname: "/etc/passwd" });
    }),
  );
  expect(result).toEqual({ buildpack: "nodejs", release: null, procfile: "web: x\n", slugIgnore: null });
});

test("rejects a result without a buildpack, a large file, and too many files", async () => {
  await expect(
    resultOf(tar((packer) => packer.entry({ name: "result/Procfile" }, "x"))),
  ).rejects.toMatchObject({
    code: "build-failed",
  });
  await expect(
    resultOf(tar((packer) => packer.entry({ name: "result/Procfile" }, "x".repeat(70_000)))),
  ).rejects.toThrow(/Procfile is larger/);
  await expect(
    resultOf(
      tar((packer) => {
        for (let index = 0; index < 200; index++) packer.entry({ name: `result/${index}` }, "");
      }),
    ),
  ).rejects.toThrow(/more than 100 files/);
});

test("rejects a sparse file by its size without reading it", async () => {
  const endless = tar((packer) => {
    packer.entry({ name: "result/buildpack" }, "nodejs\n");
    packer.entry({ name: "result/x", size: 4 * 2 ** 40 });
  });
  await expect(resultOf(endless)).rejects.toMatchObject({
    code: "build-failed",
    message: expect.stringContaining("its files are larger than"),
  });
});
