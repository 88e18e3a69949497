import { expect, test } from "vitest";
import { excessOf, excessText, maxFiles, writtenSize } from "./disk-limit.ts";

const mebibyte = 1024 ** 2;

test.for([
  [{ bytes: mebibyte, files: 256 }, null],
  [{ bytes: mebibyte + 1, files: 1 }, "bytes"],
  [{ bytes: 0, files: 257 }, "files"],
  [{ bytes: Number.POSITIVE_INFINITY, files: 0 }, "bytes"],
  [{ bytes: 0, files: Number.POSITIVE_INFINITY }, "files"],
] as const)("%j exceeds a limit of 1 MiB in: %s", ([written, excess]) => {
  expect(excessOf(written, mebibyte)).toBe(excess);
  expect(writtenSize(written) > mebibyte).toBe(excess !== null);
});

test("the owner reads the limit and its setting", () => {
  expect(maxFiles(48 * mebibyte)).toBe(12_288);
  expect(excessText("bytes", 48 * mebibyte)).toBe("wrote more than its 48 MiB of disk (APP_DISK_MB)");
  expect(excessText("files", 48 * mebibyte)).toBe(
    "created more than 12288 files, and each counts as 4 KiB of its 48 MiB of disk (APP_DISK_MB)",
  );
});
