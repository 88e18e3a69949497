import { expect, test } from "vitest";
import { takesOnly } from "./arguments.ts";

test("an argument that a command does not know is refused by name", () => {
  expect(takesOnly("down", ["--data"], ["--data"])).toEqual(["--data"]);
  expect(() => takesOnly("down", ["--data"], ["--date", "--data"])).toThrow(
    "npm run down does not know --date: it takes --data only.",
  );
  expect(() => takesOnly("start", [], ["now"])).toThrow("it takes no arguments");
});
