import { label } from "@slipway/core";
import type { Labels } from "@slipway/core";
import { testTime } from "@slipway/testkit";
import { expect, test } from "vitest";
import { Announcements } from "./announcements.ts";
import { openPackageContainers } from "./package-containers.ts";

test("a container of packages belongs to no app, and expires", async () => {
  const seen: Labels[] = [];
  const { containers } = openPackageContainers({
    engine: {
      createSandbox: async ({ labels }) => {
        seen.push(labels);
        throw new Error("no engine");
      },
    },
    build: { memoryBytes: 1, cpus: 1, pids: 1, tmpfsBytes: 1, diskBytes: 1 },
    caBundle: null,
    stackImage: "stack",
    announcements: new Announcements(),
    now: () => testTime,
  });
  const listing = containers.list({ run: ["php-cli"], build: [] }, new AbortController().signal);
  await expect(listing).rejects.toThrow("no engine");
  expect(seen).toEqual([{ [label.expiresAt]: String(testTime.getTime() + 30 * 60_000) }]);
});

test("all callers that wait for shared work receive each of its lines once, also callers that start to wait later", () => {
  const announcements = new Announcements();
  const lines: string[] = [];
  const first = announcements.listen((line) => lines.push(`first ${line}`));
  const work = announcements.announce("download");
  using _second = announcements.listen((line) => lines.push(`second ${line}`));
  first[Symbol.dispose]();
  using _again = announcements.announce("download");
  work[Symbol.dispose]();
  expect(lines).toEqual(["first download", "second download"]);
});
