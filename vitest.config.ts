import { defineConfig } from "vitest/config";
import { isUnattended, markTests } from "@slipway/setup";

markTests();

const excluded = ["**/node_modules/**", "**/.slipway/**"];
/** Real services on a busy machine: vitest's default of one second is too short. */
const timeouts = { poll: { timeout: 20_000 } };
/** Many processes on two cores: a test that fails because the machine is busy is retried once, and the end of the run says so. */
const retry = isUnattended() ? 1 : 0;
const scenarios = { exclude: excluded, expect: timeouts, fileParallelism: false, retry };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: [
            "{apps,packages,tools,test/access,test/architecture,test/deployments,test/lanes}/**/*.test.ts",
          ],
          exclude: excluded,
          expect: timeouts,
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
          globalSetup: ["test/e2e/installation.ts"],
          // Two workers serve all scenarios: concurrent files would only delay each other.
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
      {
        test: {
          name: "e2e-mongo",
          // requests and responses of clients do not depend on the store
          include: ["test/e2e/**/*.test.ts"],
          ...scenarios,
          globalSetup: ["test/e2e/installation-mongo.ts"],
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
          // Each file runs its own Slipway: concurrent files would only slow down each other and other projects.
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
          // Ten containers and an image build: concurrent tests would only slow down each other.
          sequence: { groupOrder: 2 },
          testTimeout: 120_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
