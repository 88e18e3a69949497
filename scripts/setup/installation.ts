// An installation: its data directory, its id, and the secrets that are made once and kept there.
import { randomBytes } from "node:crypto";
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { ScriptConfig } from "../config.ts";
import { readOrMake, readText, writePrivate } from "./files.ts";
import type { Say } from "./progress.ts";
import { step } from "./progress.ts";
import { reasonOf, SetupError } from "./setup-error.ts";

/** The label on everything in an engine that belongs to an installation; its value is the installation's id. */
export const installationLabel = "io.slipway.installation";

/** What a key signed holds for an hour at most: two former ones are enough for whoever rotates more than once in one. */
const mostFormerKeys = 2;

export interface Installation {
  /** Absolute. */
  dataDir: string;
  /** 8 hexadecimal digits. */
  id: string;
  /** Holds the signing keys, one a line, the newest first. */
  signingKeysFile: string;
  adminToken: string;
}

/** Opens the installation in `dataDir`, making what is missing; tells of an admin token that was made just now, this once. */
export async function openInstallation(
  { dataDir, bootstrapToken, showsToken }: Pick<ScriptConfig, "dataDir" | "bootstrapToken" | "showsToken">,
  say: Say,
): Promise<Installation> {
  await makePrivateFolder(dataDir);
  const id = await readOrMake(idFile(dataDir), () => randomBytes(4).toString("hex"));
  const signingKeysFile = keysFile(dataDir);
  await readOrMake(signingKeysFile, newKey);
  const { tell } = step(say, "data");
  tell(`${dataDir} (installation ${id.text}${id.made ? ", new" : ""})`);
  return {
    dataDir,
    id: id.text,
    signingKeysFile,
    adminToken: bootstrapToken ?? (await ownToken(dataDir, showsToken, tell)),
  };
}

/** The id of the installation in `dataDir`; undefined when there is none. */
export async function installationId(dataDir: string): Promise<string | undefined> {
  return readText(idFile(dataDir));
}

/**
 * Makes a signing key that is used from now on, also by processes that run. What the former ones signed still holds, unless
 * they are dropped. @returns how many keys there are now. Throws SetupError when there is no installation.
 */
export async function rotateSigningKey(
  dataDir: string,
  { dropFormer }: { dropFormer: boolean },
): Promise<{ keys: number; file: string }> {
  const file = keysFile(dataDir);
  const former = await readText(file);
  if (former === undefined)
    throw new SetupError(`There is no installation in ${dataDir}: run npm start first.`);
  const kept = dropFormer ? [] : former.split("\n").slice(0, mostFormerKeys);
  await writePrivate(file, `${[newKey(), ...kept].join("\n")}\n`);
  return { keys: kept.length + 1, file };
}

/** Where the admin token is kept when set-up made it. */
export function adminTokenFile(dataDir: string): string {
  return join(dataDir, "admin-token");
}

/** Makes a folder that only its owner may enter. */
export async function makePrivateFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await chmod(path, 0o700);
  } catch (error) {
    throw new SetupError(
      `${path} cannot be used as a data directory (${reasonOf(error)}): set DATA_DIR to one you may write.`,
    );
  }
}

async function ownToken(dataDir: string, shown: boolean, tell: (text: string) => void): Promise<string> {
  const path = adminTokenFile(dataDir);
  const token = await readOrMake(path, () => `tk-us-${randomBytes(36).toString("base64url")}`);
  if (token.made) tell(`admin token, kept in ${path}${shown ? ` and shown this once: ${token.text}` : ""}`);
  return token.text;
}

function newKey(): string {
  return randomBytes(32).toString("hex");
}

function keysFile(dataDir: string): string {
  return join(dataDir, "signing-key");
}

function idFile(dataDir: string): string {
  return join(dataDir, "installation-id");
}
