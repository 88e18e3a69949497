import { expect, test } from "vitest";
import { parseLook } from "./listening.ts";

test.for([
  ["", "nowhere"],
  ["sh: something went wrong\n", "nowhere"],
  ["00000000\n", "reachable"],
  ["020013AC\n", "reachable"],
  ["0100007F\n", "loopback"],
  ["0200007F\n", "loopback"],
  ["00000000000000000000000000000000\n", "reachable"],
  ["00000000000000000000000001000000\n", "loopback"],
  ["0000000000000000FFFF00000100007F\n", "loopback"],
  ["0000000000000000FFFF0000020013AC\n", "reachable"],
  ["0100007F\n020013AC\n", "reachable"],
] as const)("%j is %s", ([look, listening]) => {
  expect(parseLook(look)).toBe(listening);
});
