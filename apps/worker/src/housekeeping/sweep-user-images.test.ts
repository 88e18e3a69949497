import type { UserImageLimits } from "@slipway/core";
import { expect, test } from "vitest";
import { sweepUserImages } from "./sweep.ts";

test("a sweep of pulled images keeps the stacks and the operator's builder image", async () => {
  const swept: UserImageLimits[] = [];
  const engine = { pruneUserImages: async (limits: UserImageLimits) => void swept.push(limits) };
  const stacks = [
    { name: "one", run: "r/one", build: "r/one-build" },
    { name: "two", run: "r/two", build: "r/two-build" },
  ] as const;
  const limits = { pulledImagesBytes: 7 };
  await sweepUserImages({ engine, config: { cnbBuilder: "operator/builder", stacks, limits } });
  await sweepUserImages({ engine, config: { cnbBuilder: undefined, stacks, limits } });
  const images = ["r/one", "r/one-build", "r/two", "r/two-build"];
  expect(swept).toEqual([
    { maxBytes: 7, kept: [...images, "operator/builder"] },
    { maxBytes: 7, kept: images },
  ]);
});
