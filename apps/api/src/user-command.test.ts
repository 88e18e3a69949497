import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hashApiToken, openAuth, openSigningKeys } from "@slipway/auth";
import type { Store } from "@slipway/core";
import { openStore } from "@slipway/store";
import { runUserCommand } from "./user-command.ts";

const password = "correct horse battery staple";

let directory: string;
let store: Store;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "slipway-users-"));
  store = await openStore({ databaseUrl: `file:${directory}/slipway.db` });
});
afterAll(async () => {
  await store[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

/** @param typed what comes from standard input. */
const run = async (line: string, typed = "", isTTY = false) => {
  const [printed, told]: [string[], string[]] = [[], []];
  const input = Object.assign(new PassThrough(), { isTTY });
  input.end(typed);
  const code = await runUserCommand(line.split(" "), {
    store,
    input,
    print: (text) => printed.push(text),
    tell: (text) => told.push(text),
    now: () => new Date(),
  });
  return { code, printed, told: told.join("") };
};
const signsIn = async (secret: string) => {
  const signingKeys = openSigningKeys({ from: ["k".repeat(32)], onError: () => undefined });
  return (await openAuth({ store, signingKeys }).signIn("ada", secret)) !== null;
};

describe("the command for users", () => {
  test("creates one, with a password from standard input", async () => {
    const made = await run("create ada --email Ada@example.com --fullname Ada --operator", `${password}\n`);
    expect(made).toEqual({
      code: 0,
      printed: [expect.stringMatching(/^created ada {2}ada@example.com {2}operator {2}[0-9a-f-]{36}$/)],
      told: "",
    });
    expect(await signsIn(password)).toBe(true);
  });

  test("asks twice in a terminal, and shows nothing of it", async () => {
    const next = "another horse, another battery";
    const differing = await run("password ada", `${next}\r${next}!\r`, true);
    expect([differing.code, differing.told]).toEqual([
      1,
      "Password: \nOnce more: \nthe two are not the same\n",
    ]);
    const same = await run("password ada", `${next}\r${next}\r`, true);
    expect([same.code, same.told]).toEqual([0, "Password: \nOnce more: \n"]);
    expect(await signsIn(next)).toBe(true);
    expect((await run("password ada", "\u0003", true)).told).toContain("no password was given");
  });

  test("makes API tokens, for who has no password too", async () => {
    expect((await run("create ci --email ci@example.com --no-password")).code).toBe(0);
    const { printed } = await run("token ci --name builds");
    expect(printed).toEqual([expect.stringMatching(/^tk-us-/)]);
    expect(await store.tokens.bySecret(hashApiToken(printed[0] ?? ""))).toMatchObject({ name: "builds" });
  });

  test("lists, changes and deletes, but not the last operator", async () => {
    expect((await run("change ci --operator --fullname Robot")).code).toBe(0);
    expect((await run("list")).printed).toEqual([
      expect.stringMatching(/^ada .* operator /),
      expect.stringMatching(/^ci .* operator /),
    ]);
    expect((await run("change ada --no-operator")).code).toBe(0);
    expect(await run("delete ci")).toMatchObject({ code: 1, told: expect.stringContaining("last operator") });
    expect(await run("delete ada")).toMatchObject({
      code: 0,
      printed: [expect.stringMatching(/^deleted ada/)],
    });
  });

  test.each(["create", "create bob", "list bob", "delete", "fly bob", "token ci builds", "list --wings"])(
    "explains itself to: %s",
    async (line) => {
      const { code, told } = await run(line);
      expect([code, told]).toEqual([2, expect.stringContaining("Usage: user create")]);
    },
  );

  test.each([
    ["create bob --email bob@example.com", ""],
    ["create bob --email bob@example.com", "short\n"],
    ["create ci --email other@example.com --no-password", ""],
    ["password nobody", `${password}\n`],
  ])("refuses: %s", async (line, typed) => {
    const { code, told } = await run(line, typed);
    expect([code, told]).toEqual([1, expect.stringMatching(/\S/)]);
    expect(await store.users.byUsername("bob")).toBeNull();
  });
});
