import { deploymentStatuses, isFinal, queuedDeployment } from "@slipway/core";
import { expect, test } from "vitest";
import { aNewDeployment, stepsTo } from "./fixtures.ts";

test.each(deploymentStatuses)("a deployment reaches %s with one revision per step", (status) => {
  const queued = queuedDeployment(aNewDeployment(), 1);
  const steps = stepsTo(queued, status);
  expect((steps.at(-1) ?? queued).status).toBe(status);
  expect(steps.map((step) => step.revision)).toEqual(steps.map((_, index) => index + 2));
  expect((steps.at(-1) ?? queued).finishedAt !== null).toBe(isFinal(status));
});
