import { expect, test } from "vitest";
import { healthcheckOf } from "./image-config.ts";

const timeoutMs = 30_000;

test.each([
  [{}, null],
  [{ Healthcheck: null }, null],
  [{ Healthcheck: { Test: [] } }, null],
  [{ Healthcheck: { Test: ["NONE"] } }, null],
  [{ Healthcheck: { Test: ["CMD"] } }, null],
  [{ Healthcheck: { Test: ["CMD", "check", "a b"], Timeout: 0 } }, { command: ["check", "a b"], timeoutMs }],
  [{ Healthcheck: { Test: ["CMD", "check"], Timeout: -1 } }, { command: ["check"], timeoutMs }],
  [
    { Healthcheck: { Test: ["CMD", "check"], Timeout: 1_500_000_000 } },
    { command: ["check"], timeoutMs: 1_500 },
  ],
  [{ Healthcheck: { Test: ["CMD-SHELL", "a | b"] } }, { command: ["/bin/sh", "-c", "a | b"], timeoutMs }],
  [
    { Healthcheck: { Test: ["CMD-SHELL", "a"] }, Shell: ["bash", "-ec"] },
    { command: ["bash", "-ec", "a"], timeoutMs },
  ],
] as const)("the configuration %j has the health check %j", (config, expected) => {
  expect(healthcheckOf(config)).toEqual(expected);
});
