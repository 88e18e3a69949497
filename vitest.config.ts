import { defineConfig } from "vitest/config";
import { isUnattended, markTests } from "@slipway/setup";

markTests();

const excluded = ["**/node_modules/**", "**/.slipway/**"];
/** In CI a failed test is retried once, because the machine may have been busy. The end of the run reports it. */
const retry = isUnattended() ? 1 : 0;
/** How many times longer than elsewhere a test may take in CI: its machine is slower, and all lanes run at once. */
const limitFactor = isUnattended() ? 3 : 1;
/** The time limits of a project's tests and hooks, in milliseconds. */
const within = (limitMs: number, hookLimitMs = limitMs) => ({
  testTimeout: limitMs * limitFactor,
  hookTimeout: hookLimitMs * limitFactor,
});
/** The time limit of `expect.poll`: vitest's default, one second, is too short on a busy machine. */
const expectOptions = { poll: { timeout: 20_000 * limitFactor } };
const scenarios = { exclude: excluded, expect: expectOptions, fileParallelism: false, retry };

/** What the store has a part in: how apps are built and reached does not depend on it. */
const aboutStore = [
  "abort",
  "followers",
  "lanes",
  "notifiers",
  "old-images",
  "operations",
  "refused-sources",
];

/** The attacks that need no installation. */
const hostileInputs = "test/walls/hostile-inputs.test.ts";
/** The attacks that start an installation of their own on each engine. */
const onOwnEngines = ["test/walls/disk.test.ts", "test/walls/egress-swarm.test.ts"];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: [
            "{apps,packages,tools,test/access,test/architecture,test/deployments,test/lanes,test/toolchains}/**/*.test.ts",
            hostileInputs,
          ],
          exclude: excluded,
          expect: expectOptions,
          retry,
          // the longest tests mostly wait for engines, so two run in parallel on two processors too
          maxWorkers: 2,
          // no test replaces a module, so the files of a worker share the loaded modules: loading them took a third of the time
          isolate: false,
          ...within(60_000),
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/{e2e,conformance,walls}/**/*.test.ts"],
          ...scenarios,
          exclude: [...excluded, hostileInputs, ...onOwnEngines],
          globalSetup: ["test/e2e/installation.ts"],
          // two workers serve all scenarios, so parallel files would only wait for each other
          ...within(180_000),
        },
      },
      {
        test: {
          name: "e2e-mongo",
          include: [`test/e2e/{${aboutStore.join(",")}}.test.ts`],
          ...scenarios,
          globalSetup: ["test/e2e/installation-mongo.ts"],
          sequence: { groupOrder: 1 },
          ...within(180_000),
        },
      },
      {
        test: {
          name: "chaos",
          include: ["test/chaos/**/*.test.ts"],
          ...scenarios,
          globalSetup: ["test/chaos/services.ts"],
          // each file runs its own installation: parallel runs would slow down each other and other projects
          sequence: { groupOrder: 1 },
          ...within(120_000),
        },
      },
      {
        test: {
          name: "fleet",
          include: ["test/fleet/**/*.test.ts", ...onOwnEngines],
          ...scenarios,
          globalSetup: ["test/chaos/services.ts"],
          sequence: { groupOrder: 1 },
          ...within(180_000),
        },
      },
      {
        test: {
          name: "compose",
          include: ["test/compose/**/*.test.ts"],
          ...scenarios,
          // ten containers and the build of an image would slow down other projects
          sequence: { groupOrder: 2 },
          ...within(120_000, 300_000),
        },
      },
    ],
  },
});
