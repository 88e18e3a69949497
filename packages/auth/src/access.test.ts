import { expect, test } from "vitest";
import type { User } from "@slipway/core";
import { mayUse } from "./access.ts";

const jane: User = {
  id: "u1",
  username: "jane",
  email: "jane@example.com",
  fullname: "Jane",
  operator: false,
  createdAt: new Date(0),
};

test("owners may use their apps, operators every one, nobody else any", () => {
  expect(mayUse(jane, { ownerId: "u1" })).toBe(true);
  expect(mayUse(jane, { ownerId: "u2" })).toBe(false);
  expect(mayUse({ ...jane, operator: true }, { ownerId: "u2" })).toBe(true);
});
