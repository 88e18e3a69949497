import { expect, test } from "vitest";
import { createLogger } from "./logger.ts";
import { throttledErrorLog } from "./throttled-error-log.ts";

test("a repeated error is logged as a warning once per interval", () => {
  const levels: unknown[] = [];
  const write = (line: string) => void levels.push((JSON.parse(line) as { level: unknown }).level);
  const logger = createLogger({ name: "test", level: "debug", destination: { write } });
  let nowMs = 5;
  const logError = throttledErrorLog(logger, "requests are delayed", () => nowMs);
  for (const at of [5, 100, 9_000, 11_000]) {
    nowMs = at;
    logError(new Error("unavailable"));
  }
  expect(levels).toEqual([40, 20, 20, 40]);
});
