import { expect, test } from "vitest";
import { SlipwayError } from "@slipway/core";
import type { UserImage } from "@slipway/core";
import { anApp } from "@slipway/testkit";
import { usedBuilder } from "./builder-image.ts";

const { signal } = new AbortController();
const labels = {
  "io.buildpacks.builder.metadata": JSON.stringify({
    lifecycle: { apis: { platform: { supported: ["0.12"] } } },
  }),
};
const environment = { CNB_USER_ID: "1000", CNB_GROUP_ID: "1000" };

/** @returns the calls of the engine, and the outcome. */
async function used(names: { app?: string; file?: string; operator?: string }, failure: unknown = null) {
  const asked: string[] = [];
  const checked: string[] = [];
  const limits: (number | undefined)[] = [];
  const context = {
    checkPull: async (reference: string) => void checked.push(reference),
    registry: { host: "127.0.0.1:5000" },
    config: {
      cnbBuilder: names.operator,
      stackImage: "127.0.0.1:5000/stack:1",
      stackBuildImage: "127.0.0.1:5000/stack:1",
      egress: { guarded: true, open: [] },
      limits: { pulledImageBytes: 1_000 },
    },
    engine: {
      inspectImage: async (reference: string, _signal: AbortSignal, ofUser?: UserImage) => {
        asked.push(reference);
        await ofUser?.beforePull();
        limits.push(ofUser?.maxBytes);
        if (failure !== null) throw failure;
        return { id: "sha256:1", labels, environment };
      },
    },
  };
  const app = anApp({ builderImage: names.app ?? null });
  const descriptor = names.file === undefined ? null : { builder: names.file, environment: {}, ignored: [] };
  const found = await usedBuilder(context, { app, signal }, descriptor);
  return { asked, checked, limits, found };
}

test.each([
  [{ app: "heroku/builder:24", file: "f", operator: "o" }, "docker.io/heroku/builder:24", false],
  [{ file: "builder", operator: "o" }, "docker.io/library/builder", false],
  // An IP address, because the worker resolves the host names of registries.
  [{ file: "1.1.1.1/a/b@sha256:00" }, "1.1.1.1/a/b@sha256:00", false],
  [{ operator: "127.0.0.1:5000/own:1" }, "127.0.0.1:5000/own:1", true],
  [{ app: "own", operator: "own" }, "own", true],
])("for %j the engine pulls %s", async (names, reference, trusted) => {
  const { asked, checked, limits, found } = await used(names);
  expect([asked, found.trusted]).toEqual([[reference], trusted]);
  expect(checked).toEqual(trusted ? [] : [reference]);
  expect(limits).toEqual([trusted ? undefined : 1_000]);
});

test.each([
  ["127.0.0.1:5000/apps/other:1", /is an image of this installation/],
  ["slipway-snapshot:1", /is an image of this installation/],
  ["10.1.2.3/private:1", /not on the public internet/],
  ["sha256:0123456789ab", /is not a valid name of an image/],
  ["--flag", /is not a valid name of an image/],
])("an app may not use %s", async (app, reason) => {
  await expect(used({ app })).rejects.toThrow(reason);
});

test("an image that does not exist is the user's error, a registry that does not answer the platform's", async () => {
  const absent = new SlipwayError("registry-unavailable", "the image x cannot be pulled: manifest unknown");
  await expect(used({ app: "x" }, absent)).rejects.toMatchObject({ code: "build-failed" });
  await expect(used({ operator: "x" }, absent)).rejects.toMatchObject({ code: "registry-unavailable" });
  const silent = new SlipwayError("registry-unavailable", "the image x cannot be pulled: timeout");
  await expect(used({ app: "x" }, silent)).rejects.toMatchObject({ code: "registry-unavailable" });
  await expect(used({})).rejects.toThrow("no builder image is set");
});
