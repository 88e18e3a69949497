import { expect, test } from "vitest";
import { takesOnly } from "./arguments.ts";

test("an unknown argument of a command is refused by name", () => {
  expect(takesOnly("down", ["--data"], ["--data"])).toEqual(["--data"]);
  expect(() => takesOnly("down", ["--data"], ["--date", "--data"])).toThrow(
    "npm run down has no argument --date: it takes --data only.",
  );
  expect(() => takesOnly("start", [], ["now"])).toThrow("it takes no arguments");
});
