import { defineConfig } from "vitest/config";
import { isUnattended, markTests } from "./scripts/config.ts";

markTests();

const excluded = ["**/node_modules/**", "**/.slipway/**"];
/** Real services on a busy machine: the second that vitest waits by itself is not enough for what is to happen soon. */
const patience = { poll: { timeout: 20_000 } };
/** Many processes on two cores: what a machine was too busy for is tried once more, and the end of the run says so. */
const retry = isUnattended() ? 1 : 0;
const scenarios = { exclude: excluded, expect: patience, fileParallelism: false, retry };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: [
            "{apps,packages,scripts,test/access,test/architecture,test/deployments,test/lanes}/**/*.test.ts",
          ],
          exclude: excluded,
          expect: patience,
          retry,
          // The longest of them wait for engines, mostly: two at a time also where there are two processors only.
          maxWorkers: 2,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/{e2e,conformance}/**/*.test.ts"],
          ...scenarios,
          globalSetup: ["test/e2e/platform.ts"],
          // Two workers serve all scenarios: files at the same time would wait in each other's way.
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
      {
        test: {
          name: "e2e-mongo",
          // what clients send and are answered does not depend on the store
          include: ["test/e2e/**/*.test.ts"],
          ...scenarios,
          globalSetup: ["test/e2e/platform-mongo.ts"],
          sequence: { groupOrder: 1 },
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
      {
        test: {
          name: "chaos",
          include: ["test/chaos/**/*.test.ts"],
          ...scenarios,
          globalSetup: ["test/chaos/services.ts"],
          // Each file runs a Slipway of its own: side by side they would only make each other slow, and the others' too.
          sequence: { groupOrder: 1 },
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: "fleet",
          include: ["test/fleet/**/*.test.ts"],
          ...scenarios,
          globalSetup: ["test/chaos/services.ts"],
          sequence: { groupOrder: 1 },
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: "compose",
          include: ["test/compose/**/*.test.ts"],
          ...scenarios,
          // Ten containers and an image's build: beside others they would only make each other slow.
          sequence: { groupOrder: 2 },
          testTimeout: 120_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
