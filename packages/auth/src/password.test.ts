import { expect, test } from "vitest";
import { hashPassword, isOutdated, verifyPassword } from "./password.ts";

const password = "correct horse battery staple";

test("only the password itself matches its hash", async () => {
  const stored = await hashPassword(password);
  expect(stored).toMatch(/^\$argon2id\$v=19\$m=\d+,t=\d+,p=\d+\$[^$=]+\$[^$=]+$/);
  expect(await hashPassword(password)).not.toBe(stored);
  expect(await verifyPassword(password, stored)).toBe(true);
  expect(await verifyPassword(`${password} `, stored)).toBe(false);
  expect(await verifyPassword("", stored)).toBe(false);
  expect(isOutdated(stored)).toBe(false);
});

test("no password matches a user without one", async () => {
  expect(await verifyPassword("", null)).toBe(false);
  expect(await verifyPassword(password, null)).toBe(false);
});

test("the same text in another Unicode form is the same password", async () => {
  const stored = await hashPassword("caf\u00e9 au lait, s'il vous pla\u00eet");
  expect(await verifyPassword("cafe\u0301 au lait, s'il vous plai\u0302t", stored)).toBe(true);
});

test("a hash of another implementation with another cost is verified, and is outdated", async () => {
  // From the reference implementation's test suite: argon2id with 256 KiB, because 256 MiB would take long.
  const stored = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
  expect(await verifyPassword("password", stored)).toBe(true);
  expect(await verifyPassword("Password", stored)).toBe(false);
  expect(isOutdated(stored)).toBe(true);
});

test("concurrent verifications all complete", async () => {
  const stored = await hashPassword(password);
  const tries = Array.from({ length: 8 }, (_, index) => verifyPassword(index % 2 ? password : "no", stored));
  expect(await Promise.all(tries)).toEqual([false, true, false, true, false, true, false, true]);
});

test("a hash in an unknown format is an error, not a wrong password", async () => {
  await expect(verifyPassword(password, "$2b$10$abc")).rejects.toThrow(/unknown format/);
});
