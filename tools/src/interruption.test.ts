import { expect, test } from "vitest";
import { despiteSignals, isInterrupted } from "./interruption.ts";

test("the exit codes of programs that a signal ended are those of the stop signals", () => {
  expect([0, 1, 2, 129, 130, 137, 143].filter(isInterrupted)).toEqual([129, 130, 143]);
});

test("work ends although signals arrive, which are reported once", async () => {
  const lines: string[] = [];
  const listeners = process.listenerCount("SIGINT");
  const result = await despiteSignals(
    async () => {
      process.emit("SIGINT", "SIGINT");
      process.emit("SIGTERM", "SIGTERM");
      return "stopped";
    },
    (line) => void lines.push(line),
  );
  expect(result).toBe("stopped");
  expect(lines).toEqual(["stop      the services of the tests are being stopped; this ends by itself"]);
  expect(process.listenerCount("SIGINT")).toBe(listeners);
});
