import { expect, test } from "vitest";
import type { User } from "@slipway/core";
import { accountRole, allows, appPermissions, appRole } from "./permissions.ts";
import type { AppPermission } from "./permissions.ts";

const jane: User = {
  id: "u1",
  username: "jane",
  email: "jane@example.com",
  fullname: "Jane",
  operator: false,
  passwordHash: null,
  createdAt: new Date(0),
  revision: 1,
};
const ofApps = Object.keys(appPermissions) as AppPermission[];

test("a user has a role in their own apps and those they collaborate on, an operator in every app", async () => {
  const limited = { id: "c1", appId: "a2", userId: "u1", role: "limited", createdAt: new Date(0) } as const;
  const collaborators = {
    find: async (appId: string, userId: string) => (appId === "a2" && userId === "u1" ? limited : null),
  };
  expect(await appRole(jane, { id: "a1", ownerId: "u1" }, collaborators)).toBe("owner");
  expect(await appRole(jane, { id: "a2", ownerId: "u2" }, collaborators)).toBe("limited");
  expect(await appRole(jane, { id: "a3", ownerId: "u2" }, collaborators)).toBeNull();
  const operator = { ...jane, operator: true };
  expect(await appRole(operator, { id: "a3", ownerId: "u2" }, collaborators)).toBe("operator");
});

test("owners and operators may do everything with an app", () => {
  for (const permission of ofApps) {
    expect([permission, allows("owner", permission), allows("operator", permission)]).toEqual([
      permission,
      true,
      true,
    ]);
  }
});

test("collaborators may do everything but change or delete the app", () => {
  expect(ofApps.filter((permission) => !allows("collaborator", permission))).toEqual([
    "app:change",
    "app:delete",
  ]);
});

test("limited collaborators neither see variables nor run code that could", () => {
  expect(ofApps.filter((permission) => allows("limited", permission))).toEqual([
    "app:read",
    "app:restart",
    "logs:read",
    "deployments:read",
    "collaborators:read",
  ]);
});

test("only operators may use the queue dashboard", () => {
  expect(allows(accountRole(jane), "queues:manage")).toBe(false);
  expect(allows(accountRole({ ...jane, operator: true }), "queues:manage")).toBe(true);
  expect(allows(accountRole(jane), "account:use")).toBe(true);
});
