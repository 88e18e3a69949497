import { expect, test } from "vitest";
import { warnOfUnlimitedSteps } from "./unlimited-steps.ts";

/** The warnings that a worker logs at its start. */
async function warnings(
  builders: ("buildpacks" | "dockerfile")[],
  { cgroupParent, driver = null }: { readonly cgroupParent?: string; readonly driver?: string | null } = {},
): Promise<string[]> {
  const lines: string[] = [];
  const logger = { warn: (line: unknown) => void lines.push(String(line)) };
  const imageBuilder = { unmeasuredDriver: () => Promise.resolve(driver) };
  await warnOfUnlimitedSteps({ config: { builders, build: { cgroupParent } }, imageBuilder, logger });
  return lines;
}

test("a worker that builds Dockerfiles warns that their steps have no limits, or only shared ones", async () => {
  expect(await warnings(["buildpacks"])).toEqual([]);
  expect(await warnings(["buildpacks", "dockerfile"])).toEqual([
    expect.stringContaining("no limits of memory, CPUs and processes"),
  ]);
  expect(await warnings(["dockerfile"], { cgroupParent: "builds.slice" })).toEqual([
    expect.stringMatching(/control group builds\.slice, /),
  ]);
});

test("a worker warns that the disk of steps is not limited on an engine whose storage driver is not measured", async () => {
  expect(await warnings(["buildpacks"], { driver: "zfs" })).toEqual([]);
  expect(await warnings(["dockerfile"], { driver: "zfs" })).toEqual([
    expect.stringContaining("no limits of memory"),
    expect.stringMatching(/BUILD_DISK_MB.* zfs: use overlay2/),
  ]);
});
