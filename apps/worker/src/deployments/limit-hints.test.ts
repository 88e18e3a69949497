import { expect, test } from "vitest";
import { LimitHints } from "./limit-hints.ts";

function hintsFor(...chunks: readonly string[]): readonly string[] {
  const hints = new LimitHints({
    diskBytes: 64 * 1024 ** 2,
    diskSetting: "BUILD_DISK_MB",
    tmpfsBytes: 8 * 1024 ** 2,
    tmpfsSetting: "BUILD_TMPFS_MB",
  });
  for (const chunk of chunks) hints.read(Buffer.from(chunk));
  return hints.after(1);
}

const tooLarge = "A file was too large: the limit is 64 MiB (BUILD_DISK_MB)";
const full = "The disk was full: the limit is 64 MiB (BUILD_DISK_MB), and 8 MiB in /tmp (BUILD_TMPFS_MB)";

test.for([
  [
    "File size limit exceeded",
    "compile: line 3: 7 File size limit exceeded fallocate -l 20G x\n",
    [tooLarge],
  ],
  ["File too large", "OSError: [Errno 27] File too large: 'x'\n", [tooLarge]],
  ["No space left on device", "tar: x: Cannot write: No space left on device\n", [full]],
  ["Disk quota exceeded", "write error: Disk quota exceeded\n", [full]],
  ["Too many open files", "Error: EMFILE, open 'x'\n", ["A process had too many open files"]],
  ["none of them", "everything is fine\n", []],
] as const)("output with %s explains the limit", ([, output, found]) => {
  expect(hintsFor(output)).toEqual(found);
});

test("a phrase that is split over chunks explains the limit once", () => {
  expect(hintsFor("No space left ", "on device\nNo space left on device")).toEqual([full]);
});

test("the reason is found at the end of much output, of large and of small pieces", () => {
  const reason = "write error: Disk quota exceeded\n";
  expect(hintsFor("x".repeat(200_000), reason, "y".repeat(1_000))).toEqual([full]);
  expect(hintsFor(...Array.from({ length: 100_000 }, () => "line\n"), reason)).toEqual([full]);
});

test("an exit code of SIGXFSZ explains the limit without any output", () => {
  const limits = { diskBytes: 1024 ** 2, diskSetting: "S", tmpfsBytes: 0, tmpfsSetting: "T" };
  expect(new LimitHints(limits).after(153)).toEqual(["A file was too large: the limit is 1 MiB (S)"]);
});
