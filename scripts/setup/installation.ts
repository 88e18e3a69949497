// An installation: its data directory, its id, and the secrets that are made once and kept there.
import { randomBytes } from "node:crypto";
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { readOrMake, readText } from "./files.ts";
import type { Say } from "./progress.ts";
import { step } from "./progress.ts";
import { reasonOf, SetupError } from "./setup-error.ts";

/** The label on everything in an engine that belongs to an installation; its value is the installation's id. */
export const installationLabel = "io.slipway.installation";

export interface Installation {
  /** Absolute. */
  dataDir: string;
  /** 8 hexadecimal digits. */
  id: string;
  signingKey: string;
  adminToken: string;
}

/** Opens the installation in `dataDir`, making what is missing; tells the admin token when it was made just now. */
export async function openInstallation(
  dataDir: string,
  givenToken: string | undefined,
  say: Say,
): Promise<Installation> {
  await makePrivateFolder(dataDir);
  const id = await readOrMake(idFile(dataDir), () => randomBytes(4).toString("hex"));
  const signingKey = await readOrMake(join(dataDir, "signing-key"), () => randomBytes(32).toString("hex"));
  const { tell } = step(say, "data");
  tell(`${dataDir} (installation ${id.text}${id.made ? ", new" : ""})`);
  return {
    dataDir,
    id: id.text,
    signingKey: signingKey.text,
    adminToken: await adminToken(dataDir, givenToken, tell),
  };
}

/** The id of the installation in `dataDir`; undefined when there is none. */
export async function installationId(dataDir: string): Promise<string | undefined> {
  return readText(idFile(dataDir));
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

async function adminToken(
  dataDir: string,
  given: string | undefined,
  tell: (text: string) => void,
): Promise<string> {
  if (given !== undefined) return given;
  const path = adminTokenFile(dataDir);
  const token = await readOrMake(path, () => `tk-us-${randomBytes(36).toString("base64url")}`);
  if (token.made) tell(`admin token, shown this once and kept in ${path}: ${token.text}`);
  return token.text;
}

function idFile(dataDir: string): string {
  return join(dataDir, "installation-id");
}
