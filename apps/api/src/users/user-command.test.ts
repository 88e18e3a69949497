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

/** @param typed the content of standard input. */
const run = async (line: string, typed = "", isTTY = false) => {
  const [printed, messages]: [string[], string[]] = [[], []];
  const input = Object.assign(new PassThrough(), { isTTY });
  input.end(typed);
  const code = await runUserCommand(line.split(" "), {
    store,
    input,
    print: (text) => printed.push(text),
    showMessage: (text) => messages.push(text),
    now: () => new Date(),
  });
  return { code, printed, messages: messages.join("") };
};
const signsIn = async (secret: string) => {
  const signingKeys = openSigningKeys({ from: ["k".repeat(32)], onError: () => undefined });
  return (await openAuth({ store, signingKeys }).signIn("ada", secret)) !== null;
};

describe("the user command", () => {
  test("the user command creates a user with a password from standard input", async () => {
    const created = await run(
      "create ada --email Ada@example.com --fullname Ada --operator",
      `${password}\n`,
    );
    expect(created).toEqual({
      code: 0,
      printed: [expect.stringMatching(/^created ada {2}ada@example.com {2}operator {2}[0-9a-f-]{36}$/)],
      messages: "",
    });
    expect(await signsIn(password)).toBe(true);
  });

  test("the user command prompts twice in a terminal, without showing the password", async () => {
    const next = "another horse, another battery";
    const differing = await run("password ada", `${next}\r${next}!\r`, true);
    expect([differing.code, differing.messages]).toEqual([
      1,
      "Password: \nRepeat password: \nthe passwords differ; run the command again\n",
    ]);
    const same = await run("password ada", `${next}\r${next}\r`, true);
    expect([same.code, same.messages]).toEqual([0, "Password: \nRepeat password: \n"]);
    expect(await signsIn(next)).toBe(true);
    expect((await run("password ada", "\u0003", true)).messages).toContain("no password was given");
  });

  test("the user command creates API tokens, also for users without a password", async () => {
    expect((await run("create ci --email ci@example.com --no-password")).code).toBe(0);
    const { printed } = await run("token ci --name builds");
    expect(printed).toEqual([expect.stringMatching(/^tk-us-/)]);
    expect(await store.tokens.bySecret(hashApiToken(printed[0] ?? ""))).toMatchObject({ name: "builds" });
  });

  test("the user command lists, changes and deletes users, but not the last operator", async () => {
    expect((await run("change ci --operator --fullname Robot")).code).toBe(0);
    expect((await run("list")).printed).toEqual([
      expect.stringMatching(/^ada .* operator /),
      expect.stringMatching(/^ci .* operator /),
    ]);
    expect((await run("change ada --no-operator")).code).toBe(0);
    expect(await run("delete ci")).toMatchObject({
      code: 1,
      messages: expect.stringContaining("last operator"),
    });
    expect(await run("delete ada")).toMatchObject({
      code: 0,
      printed: [expect.stringMatching(/^deleted ada/)],
    });
  });

  test.each(["create", "create bob", "list bob", "delete", "fly bob", "token ci builds", "list --wings"])(
    "the user command prints its usage for: %s",
    async (line) => {
      const { code, messages } = await run(line);
      expect([code, messages]).toEqual([2, expect.stringContaining("Usage: user create")]);
    },
  );

  test.each([
    ["create bob --email bob@example.com", ""],
    ["create bob --email bob@example.com", "short\n"],
    ["create ci --email other@example.com --no-password", ""],
    ["password nobody", `${password}\n`],
  ])("the user command fails for: %s", async (line, typed) => {
    const { code, messages } = await run(line, typed);
    expect([code, messages]).toEqual([1, expect.stringMatching(/\S/)]);
    expect(await store.users.byUsername("bob")).toBeNull();
  });
});
