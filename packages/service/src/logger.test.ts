import { expect, test } from "vitest";
import { createLogger } from "./logger.ts";

/** An error like those of ioredis. */
function failedCommand(): Error {
  const command = { name: "hello", args: ["3", "AUTH", "default", "very-secret"] };
  return Object.assign(new Error("WRONGPASS invalid username-password pair"), { command });
}

test.each([
  ["on its own", failedCommand()],
  ["in an AggregateError", new AggregateError([failedCommand()], "all failed")],
  [
    "as a property of another error",
    Object.assign(new Error("cannot connect"), { lastNodeError: failedCommand() }),
  ],
  ["as a cause", new Error("cannot connect", { cause: failedCommand() })],
])("a failed Redis command is logged without its arguments, %s", (_where, err) => {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  createLogger({ name: "test", destination }).warn({ err }, "a command failed");
  expect(lines.join()).toContain("WRONGPASS");
  expect(lines.join()).not.toContain("very-secret");
});

test("additional properties of an error are logged", () => {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const err = Object.assign(failedCommand(), { code: "ERR", command: { name: "get", args: ["key"] } });
  createLogger({ name: "test", destination }).warn({ err }, "a command failed");
  expect(JSON.parse(lines.join())).toMatchObject({
    err: { type: "Error", code: "ERR", command: { name: "get" } },
  });
});
