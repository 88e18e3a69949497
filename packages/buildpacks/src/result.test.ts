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

test("reads what the runner left and nothing else", async () => {
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

test("refuses a result without a buildpack, a large file, and a crowd of files", async () => {
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
  ).rejects.toThrow(/too many files/);
});

test("refuses a file with holes by its size, and reads none of it", async () => {
  const endless = tar((packer) => {
    packer.entry({ name: "result/buildpack" }, "nodejs\n");
    packer.entry({ name: "result/x", size: 4 * 2 ** 40 });
  });
  await expect(resultOf(endless)).rejects.toMatchObject({
    code: "build-failed",
    message: expect.stringContaining("its files are larger than"),
  });
});
