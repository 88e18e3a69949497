// Sources that can be checked only with a file system or a count. test/walls/hostile-inputs.test.ts has all others, with their messages.

import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtempDisposable, open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { refusal } from "@slipway/testkit";
import { streamOf, tarOf } from "../test-support/archives.ts";
import { limits, refusalOf, refusalOfBytes, unpacked } from "../test-support/sources.ts";
import { checkedEntries } from "./checked-entries.ts";
import { symlinkTarget } from "./entry-path.ts";
import { gunzip } from "./gunzip.ts";

const { signal } = new AbortController();

test("a truncated or damaged archive is rejected", async () => {
  const whole = gzipSync(
    tarOf([
      { path: "app/a", content: randomBytes(3000) },
      { path: "app/b", content: "b" },
    ]),
  );
  for (let sizeBytes = 1; sizeBytes < whole.length; sizeBytes += 97) {
    expect(await refusalOfBytes(whole.subarray(0, sizeBytes))).toContain("archive-invalid");
  }
  const tar = tarOf([
    { path: "app/a", content: randomBytes(3000) },
    { path: "app/b", content: "b" },
  ]);
  expect(await refusalOfBytes(gzipSync(tar.subarray(0, 2000)))).toContain("it is truncated");
  expect(await refusalOfBytes(gzipSync(tar.subarray(0, 3700)))).toContain("it is truncated");
  // Stored uncompressed, so that the damage is in a file's content and only the checksum reveals it.
  const damaged = gzipSync(tar, { level: 0 });
  damaged[1500] = (damaged[1500] ?? 0) ^ 0xff;
  expect(await refusalOfBytes(damaged)).toBe("archive-invalid: The archive is damaged or incomplete.");
});

test("sparse files made by tar are rejected with what to do", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "slipway-sparse-"));
  await mkdir(join(folder.path, "app"));
  await using file = await open(join(folder.path, "app/data"), "w");
  await file.write("end", 1024 * 1024);
  for (const format of ["pax", "gnu"]) {
    const args = ["-C", folder.path, "-S", `--format=${format}`, "-czf", "-", "app"];
    const { stdout } = await promisify(execFile)("tar", args, { encoding: "buffer" });
    expect(await refusalOfBytes(stdout)).toBe(
      "archive-invalid: The tar archive contains a sparse file. Create the archive without the option --sparse (-S).",
    );
  }
});

describe("limits apply", () => {
  test("the unpacked size is limited, before the content is read", async () => {
    const entry = { path: "app/bomb", sizeBytes: 2 ** 40 };
    expect(await refusalOf([entry])).toBe("archive-too-large: The archive unpacks to more than 1 MiB.");
  });

  test("data after the end of the tar is limited", async () => {
    const bomb = gzipSync(Buffer.concat([tarOf([{ path: "app/a" }]), Buffer.alloc(2_000_000)]));
    expect(await refusalOfBytes(bomb)).toContain("archive-too-large");
  });

  test("the number of entries is limited", async () => {
    const entries = Array.from({ length: 1001 }, (_, index) => ({ path: `app/${index}` }));
    expect(await refusalOf(entries)).toContain("contains more than 1000 files and folders");
  });

  test("the number of folders without an entry of their own is limited", async () => {
    const entries = Array.from({ length: 11 }, (_, index) => ({
      path: "app/x",
      pax: { path: `app/${index}/${"d/".repeat(90)}x` },
    }));
    expect(await refusalOf(entries)).toContain("contains more than 1000 files and folders");
    expect(await unpacked(entries.slice(0, 10))).toHaveLength(1 + 10 * 92);
  });

  test("the work for folders without an entry of their own grows with the archive, not with its depth", async () => {
    const deep = (count: number) =>
      Array.from({ length: count }, (_, index) => ({
        path: "app/x",
        pax: { path: `app/${index}/${"d/".repeat(90)}x` },
      }));
    const roomy = { maxUnpackedBytes: 2 ** 30, maxEntries: 200_000 };
    const archive = gzipSync(tarOf(deep(800)));
    expect(archive.length).toBeLessThan(20_000);
    let emitted = 0;
    const reading = (async () => {
      for await (const _ of checkedEntries(gunzip(streamOf(archive), signal), roomy, symlinkTarget))
        emitted += 1;
    })();
    expect(await refusal(reading)).toBe(
      "archive-invalid: The first 13 entries of the archive name more than 1130 folders that have no entries of their own. Create it with `tar -czf app.tar.gz FOLDER`.",
    );
    expect(emitted).toBeLessThan(1_200);
    expect(await unpacked(deep(10), { limits: roomy })).toHaveLength(1 + 10 * 92);
  });

  test("the size of headers of entries without content is limited", async () => {
    const entries = Array.from({ length: 900 }, (_, index) => ({ path: `app/${index}` }));
    const changes = { limits: { ...limits, maxUnpackedBytes: 400 * 1024 } };
    expect(await refusalOf(entries, changes)).toContain(
      "archive-too-large: The archive unpacks to more than",
    );
  });
});
