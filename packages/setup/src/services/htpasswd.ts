// Hashes a registry's password with bcrypt, the only hash that it accepts, using a program of the system.

import { randomBytes, randomInt } from "node:crypto";
import { execa } from "execa";
import { bareEnvironment } from "../child-environment.ts";
import { findProgram } from "../machine/find-program.ts";
import { reasonOf, SetupError } from "../setup-error.ts";

/**
 * bcrypt's minimum cost. The registry hashes the password with each request, and a higher cost would not make random passwords
 * safer.
 */
const cost = "04";
const hashFormat = /^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$/;
/** Calls crypt(3) of the C library. Debian and Ubuntu always have Perl. */
const perlScript = "chomp(my ($password, $setting) = <STDIN>); print crypt($password, $setting);";

/** @returns the user's line for an htpasswd file. Throws SetupError when no program of the system supports bcrypt. */
export async function htpasswdLine(user: string, password: string): Promise<string> {
  const failures: string[] = [];
  const ways = [
    { program: "perl", args: ["-e", perlScript], input: `${password}\n$2y$${cost}$${newSalt()}\n` },
    { program: "htpasswd", args: ["-niBC", String(Number(cost)), user], input: password },
  ];
  for (const { program, args, input } of ways) {
    const hash = await outputOf(program, args, input).catch((error: unknown) => {
      failures.push(`${program}: ${reasonOf(error)}`);
      return "";
    });
    const bare = hash.trim().replace(`${user}:`, "");
    if (hashFormat.test(bare)) return `${user}:${bare}\n`;
  }
  throw new SetupError(
    `The password of the private registry cannot be hashed with bcrypt (${failures.join("; ") || "perl has no bcrypt"}): install apache2-utils, or set REGISTRY_URL.`,
  );
}

async function outputOf(program: string, args: readonly string[], input: string): Promise<string> {
  const path = await findProgram(program);
  if (path === undefined) throw new Error("it is not installed");
  const { stdout } = await execa(path, args, { input, env: bareEnvironment(), extendEnv: false });
  return stdout;
}

/** 16 bytes in bcrypt's alphabet: the last of the 22 characters encodes two bits. */
function newSalt(): string {
  const start = randomBytes(21).toString("base64").slice(0, 21).replaceAll("+", ".");
  return `${start}${".Oeu"[randomInt(4)]}`;
}
