import { expect, test } from "vitest";
import { SlipwayError } from "./errors.ts";
import { changeUser, checkNotReserved, checkPassword, checkTokenName, newUser } from "./user.ts";

const ada = {
  id: "u1",
  username: "ada",
  email: "Ada@Example.com",
  fullname: "Ada Lovelace",
  operator: false,
  passwordHash: null,
  createdAt: new Date(0),
};
const fieldsOf = (work: () => unknown) => {
  try {
    work();
  } catch (error) {
    if (error instanceof SlipwayError) return Object.keys(error.fields ?? {});
  }
  return [];
};

test("a new user has revision 1 and the email in lower case", () => {
  expect(newUser(ada)).toEqual({ ...ada, email: "ada@example.com", revision: 1 });
});

test("changeUser increments the revision", () => {
  const next = changeUser(newUser(ada), { operator: true, email: "A@B.example" });
  expect(next).toEqual({ ...ada, email: "a@b.example", operator: true, revision: 2 });
});

test("the error names every invalid field", () => {
  const wrong = { ...ada, username: "Ada!", email: "ada", fullname: "A\u0007" };
  expect(fieldsOf(() => newUser(wrong))).toEqual(["username", "email", "fullname"]);
  for (const username of ["", "1a", "a@b", "a b", "x".repeat(49)]) {
    expect(fieldsOf(() => newUser({ ...ada, username }))).toEqual(["username"]);
  }
  expect(fieldsOf(() => changeUser(newUser(ada), { email: "a@b@c" }))).toEqual(["email"]);
});

test("a username that API paths use, or that others take for Slipway or its operators, is reserved", () => {
  for (const name of ["self", "admin", "root", "system", "slipway", "api"]) {
    expect(fieldsOf(() => checkNotReserved(name))).toEqual(["username"]);
  }
  for (const name of ["ada", "admin-2", "root-2", "api_user"]) {
    expect(fieldsOf(() => checkNotReserved(name))).toEqual([]);
  }
});

test("a password has 12 to 256 characters", () => {
  for (const password of ["", "elevenchars", "x".repeat(257)]) {
    expect(fieldsOf(() => checkPassword(password, "new"))).toEqual(["new"]);
  }
  for (const password of ["twelve chars", "🚢".repeat(12), "x".repeat(256)]) {
    expect(fieldsOf(() => checkPassword(password))).toEqual([]);
  }
});

test("a token's name is 1 to 100 characters of plain text", () => {
  for (const name of ["", " ", "a\nb", "x".repeat(101)]) {
    expect(fieldsOf(() => checkTokenName(name))).toEqual(["name"]);
  }
  expect(fieldsOf(() => checkTokenName("CI of the shop"))).toEqual([]);
});
