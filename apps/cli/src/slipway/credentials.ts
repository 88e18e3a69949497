// Stores the address of Slipway and the API token in a file that only its owner can read.

import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import { CommandError, exitCodes } from "../client/command-error.ts";
import type { CliConfig } from "./config.ts";

const credentials = z.object({ url: z.string(), token: z.string() });
export type Credentials = z.infer<typeof credentials>;

/** Finds the address and the token: from the environment, otherwise the stored ones. Throws CommandError when one is missing. */
export async function findCredentials(config: CliConfig): Promise<Credentials> {
  const stored =
    config.url !== undefined && config.token !== undefined ? undefined : await readStored(config);
  const url = config.url === undefined ? stored?.url : normalUrl(config.url);
  // A stored token is not sent to another address.
  const token = config.token ?? (stored?.url === url ? stored?.token : undefined);
  if (url !== undefined && token !== undefined) return { url, token };
  throw new CommandError(
    `You are not signed in${url === undefined ? "" : ` at ${url}`}: run "slipway login", or set SLIPWAY_URL and SLIPWAY_TOKEN.`,
    exitCodes.notSignedIn,
  );
}

/** Replaces the stored credentials. The file is written atomically. */
export async function storeCredentials({ credentialsFile }: CliConfig, value: Credentials): Promise<void> {
  await mkdir(dirname(credentialsFile), { recursive: true, mode: 0o700 });
  const written = `${credentialsFile}.${process.pid}`;
  await rm(written, { force: true });
  const file = await open(written, "wx", 0o600);
  try {
    await file.writeFile(`${JSON.stringify(value)}\n`);
  } finally {
    await file.close();
  }
  await rename(written, credentialsFile);
}

export async function deleteCredentials({ credentialsFile }: CliConfig): Promise<void> {
  await rm(credentialsFile, { force: true });
}

/**
 * Checks an address and normalizes it.
 * @returns the address with a lower-case host, without the protocol's default port and without a slash at the end.
 */
export function normalUrl(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol === "http:" || parsed?.protocol === "https:") return parsed.href.replace(/\/+$/, "");
  throw new CommandError(
    `"${url}" is not an address of Slipway: give one like https://slipway.example.com.`,
    exitCodes.usage,
  );
}

async function readStored({ credentialsFile }: CliConfig): Promise<Credentials | undefined> {
  let text: string;
  try {
    text = await readFile(credentialsFile, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    const { url, token } = credentials.parse(JSON.parse(text));
    // An earlier version stored the address as the user typed it.
    return { url: normalUrl(url), token };
  } catch {
    throw new CommandError(
      `${credentialsFile} is damaged: run "slipway login" to write it again.`,
      exitCodes.notSignedIn,
    );
  }
}
