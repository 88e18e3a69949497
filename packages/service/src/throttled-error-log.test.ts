import { expect, test } from "vitest";
import { createLogger } from "./logger.ts";
import { throttledErrorLog } from "./throttled-error-log.ts";

test("what fails again at once is a warning once, and again after a while", () => {
  const levels: unknown[] = [];
  const write = (line: string) => void levels.push((JSON.parse(line) as { level: unknown }).level);
  const logger = createLogger({ name: "test", level: "debug", destination: { write } });
  let nowMs = 5;
  const logError = throttledErrorLog(logger, "requests wait", () => nowMs);
  for (const at of [5, 100, 9_000, 11_000]) {
    nowMs = at;
    logError(new Error("away"));
  }
  expect(levels).toEqual([40, 20, 20, 40]);
});
