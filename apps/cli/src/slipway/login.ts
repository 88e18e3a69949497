// slipway login, logout and whoami.

import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import type { Command } from "commander";
import { newTokenAnswer, selfAnswer } from "@slipway/protocol";
import { ApiClient, requestApiToken } from "../client/api-client.ts";
import { CommandError, exitCodes } from "../client/command-error.ts";
import { deleteCredentials, findCredentials, normalUrl, storeCredentials } from "./credentials.ts";
import type { AddCommand } from "./command.ts";
import type { Session } from "./session.ts";

export function addLoginCommands(add: AddCommand): void {
  add("login [URL]", "sign in with an API token, or with a user name and a password", {
    examples: [
      "slipway login http://127.0.0.1:4100 < .slipway/admin-token",
      "slipway login https://slipway.example.com --user ada",
    ],
    options: [
      ["--user <name>", "sign in with the password of this user or email, which creates an API token"],
    ],
    run: login,
  });
  add("logout", "delete the stored API token from this computer", {
    examples: ["slipway logout"],
    async run(session) {
      await deleteCredentials(session.config);
      session.output.result(
        { signed_in: false },
        "The stored token is deleted. It stays valid: revoke it with DELETE /v1/tokens/ID.",
      );
      return exitCodes.success;
    },
  });
  add("whoami", "show the user, the address and the quotas", {
    examples: ["slipway whoami --json"],
    async run(session) {
      const { user } = await (await session.api()).get("/users/self", selfAnswer);
      const { url } = await findCredentials(session.config);
      session.output.result({ url, user }, `${user.username} (${user.email}) at ${url}`);
      return exitCodes.success;
    },
  });
}

async function login(
  session: Session,
  [given]: readonly (string | undefined)[],
  command: Command,
): Promise<number> {
  const { user } = command.opts<{ user?: string }>();
  const url = normalUrl(given ?? session.config.url ?? "http://127.0.0.1:4100");
  const token =
    user === undefined
      ? (await readSecret("API token: ")).trim()
      : await requestApiToken(url, user, await readSecret(`Password of ${user}: `), newTokenAnswer);
  const api = await ApiClient.connect(url, token);
  const self = await api.get("/users/self", selfAnswer);
  await storeCredentials(session.config, { url, token });
  session.output.result({ url, user: self.user }, `Signed in at ${url} as ${self.user.username}.`);
  return exitCodes.success;
}

/**
 * Reads one line unchanged, since a space may be part of a password. In a terminal the input is hidden, and Ctrl-C arrives as a key, not as
 * a signal.
 */
async function readSecret(prompt: string): Promise<string> {
  const terminal = process.stdin.isTTY;
  const output = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output, terminal });
  lines.once("SIGINT", () => lines.close());
  if (terminal) process.stderr.write(prompt);
  try {
    const { value, done } = await lines[Symbol.asyncIterator]().next();
    if (terminal) process.stderr.write("\n");
    if (done !== true && value.trim() !== "") return value;
    throw new CommandError(
      "Nothing was entered: type the API token or the password, or send it to standard input.",
      exitCodes.usage,
    );
  } finally {
    lines.close();
  }
}
