import { expect, test } from "vitest";
import { hashPassword, isOutdated, verifyPassword } from "./password.ts";

const password = "correct horse battery staple";

test("a password fits its own hash, and none other does", async () => {
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

test("a hash of another implementation at another cost is read, and is outdated", async () => {
  // From the reference implementation's test suite: argon2id, 256 MiB would take long, so its 256 KiB one.
  const stored = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
  expect(await verifyPassword("password", stored)).toBe(true);
  expect(await verifyPassword("Password", stored)).toBe(false);
  expect(isOutdated(stored)).toBe(true);
});

test("many at once are all answered", async () => {
  const stored = await hashPassword(password);
  const tries = Array.from({ length: 8 }, (_, index) => verifyPassword(index % 2 ? password : "no", stored));
  expect(await Promise.all(tries)).toEqual([false, true, false, true, false, true, false, true]);
});

test("a hash in an unknown format is an error, not a wrong password", async () => {
  await expect(verifyPassword(password, "$2b$10$abc")).rejects.toThrow(/unknown format/);
});
