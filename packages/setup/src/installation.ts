// An installation: its data directory, with the generated id and secrets stored in it.

import { randomBytes } from "node:crypto";
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { SetupConfig } from "./config.ts";
import { readOrCreate, readText, writePrivate } from "./files.ts";
import { isRoot } from "./machine/shared-folder.ts";
import { step } from "./progress.ts";
import type { PrintLine } from "./progress.ts";
import { reasonOf, SetupError } from "./setup-error.ts";

/** A signature is valid for at most one hour, so two former keys allow two rotations within that time. */
const maxFormerKeys = 2;

export interface Installation {
  /** Absolute path. */
  dataDir: string;
  /** 8 hexadecimal digits. */
  id: string;
  /** Contains the signing keys, one per line, newest first. */
  signingKeysFile: string;
  /** Contains the key that signs receipts. */
  receiptKeyFile: string;
  adminToken: string;
}

/** Opens the installation in `dataDir` and creates missing parts. Reports a new admin token once. */
export async function openInstallation(
  { dataDir, bootstrapToken, showsToken }: Pick<SetupConfig, "dataDir" | "bootstrapToken" | "showsToken">,
  printLine: PrintLine,
): Promise<Installation> {
  await makePrivateFolder(dataDir);
  const id = await readOrCreate(idFile(dataDir), () => randomBytes(4).toString("hex"));
  const signingKeysFile = keysFile(dataDir);
  await readOrCreate(signingKeysFile, newKey);
  await readOrCreate(receiptKeyFile(dataDir), newKey);
  const { report } = step(printLine, "data");
  report(`${dataDir} (installation ${id.text}${id.created ? ", new" : ""})`);
  return {
    dataDir,
    id: id.text,
    signingKeysFile,
    receiptKeyFile: receiptKeyFile(dataDir),
    adminToken: bootstrapToken ?? (await ownToken(dataDir, showsToken, report)),
  };
}

/** Reads the id of the installation in `dataDir`; undefined when there is none. */
export async function installationId(dataDir: string): Promise<string | undefined> {
  return readText(idFile(dataDir));
}

/**
 * Generates a new signing key and a new key for receipts, which running processes use as well. Signatures with former signing keys stay
 * valid unless `dropFormer` is set. Receipts stay valid, because the database keeps their public keys.
 * @returns the number of signing keys. Throws SetupError when there is no installation.
 */
export async function rotateKeys(
  dataDir: string,
  { dropFormer }: { dropFormer: boolean },
): Promise<{ keys: number; file: string }> {
  const file = keysFile(dataDir);
  const former = await readText(file);
  if (former === undefined)
    throw new SetupError(`There is no installation in ${dataDir}: run npm start first.`);
  const kept = dropFormer ? [] : former.split("\n").slice(0, maxFormerKeys);
  await writePrivate(file, `${[newKey(), ...kept].join("\n")}\n`);
  await writePrivate(receiptKeyFile(dataDir), `${newKey()}\n`);
  return { keys: kept.length + 1, file };
}

/** The file of the admin token that setup generated. */
export function adminTokenFile(dataDir: string): string {
  return join(dataDir, "admin-token");
}

/** Creates a folder that only its owner may enter. If root owns it, others may pass through, because processes have separate users. */
export async function makePrivateFolder(path: string): Promise<void> {
  const mode = isRoot() ? 0o711 : 0o700;
  try {
    await mkdir(path, { recursive: true, mode });
    await chmod(path, mode);
  } catch (error) {
    throw new SetupError(
      `${path} cannot be used as a data directory (${reasonOf(error)}): set DATA_DIR to a folder that you can write to.`,
    );
  }
}

async function ownToken(dataDir: string, shown: boolean, report: (text: string) => void): Promise<string> {
  const path = adminTokenFile(dataDir);
  const token = await readOrCreate(path, () => `tk-us-${randomBytes(36).toString("base64url")}`);
  if (token.created)
    report(`admin token stored in ${path}${shown ? `, shown only once: ${token.text}` : ""}`);
  return token.text;
}

function newKey(): string {
  return randomBytes(32).toString("hex");
}

function keysFile(dataDir: string): string {
  return join(dataDir, "signing-key");
}

function receiptKeyFile(dataDir: string): string {
  return join(dataDir, "receipt-key");
}

function idFile(dataDir: string): string {
  return join(dataDir, "installation-id");
}
