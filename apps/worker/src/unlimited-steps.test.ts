import { expect, test } from "vitest";
import { warnOfUnlimitedSteps } from "./unlimited-steps.ts";

/** What a worker logs at its start. */
function warnings(builders: ("buildpacks" | "dockerfile")[], cgroupParent?: string): string[] {
  const lines: string[] = [];
  const logger = { warn: (line: unknown) => void lines.push(String(line)) };
  warnOfUnlimitedSteps({ config: { builders, build: { cgroupParent } }, logger });
  return lines;
}

test("a worker that builds Dockerfiles warns that their steps have no limits, or only shared ones", () => {
  expect(warnings(["buildpacks"])).toEqual([]);
  expect(warnings(["buildpacks", "dockerfile"])).toEqual([
    expect.stringContaining("no limits of memory, CPUs and processes"),
  ]);
  expect(warnings(["dockerfile"], "builds.slice")).toEqual([
    expect.stringMatching(/control group builds\.slice, /),
  ]);
});
