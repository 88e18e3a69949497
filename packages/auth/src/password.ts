// Hashes and verifies passwords with argon2id. Verifying takes the same time if the user has no password.

import { argon2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";

interface Cost {
  readonly memoryKib: number;
  readonly passes: number;
  readonly lanes: number;
}

/** One of the recommended costs for argon2id in OWASP's Password Storage Cheat Sheet. Hashes with another cost are outdated. */
const cost: Cost = { memoryKib: 47_104, passes: 1, lanes: 1 };
const saltBytes = 16;
const hashBytes = 32;
/** Each hash needs memory and a thread of Node's small pool, which file access and DNS lookups use too. */
const maxConcurrent = 2;

const phc = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;
const derive = promisify(argon2);
/** Verified in place of a missing password; no password matches it. */
const none = textOf(cost, Buffer.alloc(saltBytes), Buffer.alloc(hashBytes));

/** @returns the hash with its parameters and salt, in PHC string format. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(saltBytes);
  return textOf(cost, salt, await hash(password, cost, salt, hashBytes));
}

/** @param stored null for a user without a password: the result is false, after the same amount of work. */
export async function verifyPassword(password: string, stored: string | null): Promise<boolean> {
  const parts = partsOf(stored ?? none);
  if (parts === null) throw new Error("a stored password hash has an unknown format");
  const found = await hash(password, parts.cost, parts.salt, parts.hash.length);
  return timingSafeEqual(found, parts.hash) && stored !== null;
}

/** Whether a stored hash has another cost than new hashes. */
export function isOutdated(stored: string): boolean {
  const made = partsOf(stored)?.cost;
  return made?.memoryKib !== cost.memoryKib || made.passes !== cost.passes || made.lanes !== cost.lanes;
}

let running = 0;
const waiting: (() => void)[] = [];

async function hash(password: string, by: Cost, salt: Buffer, length: number): Promise<Buffer> {
  if (running < maxConcurrent) running += 1;
  else await new Promise<void>((resolve) => waiting.push(resolve));
  try {
    return await derive("argon2id", {
      message: password.normalize("NFKC"),
      nonce: salt,
      parallelism: by.lanes,
      tagLength: length,
      memory: by.memoryKib,
      passes: by.passes,
    });
  } finally {
    // The slot passes to the next in the queue.
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  }
}

function textOf({ memoryKib, passes, lanes }: Cost, salt: Buffer, digest: Buffer): string {
  return `$argon2id$v=19$m=${memoryKib},t=${passes},p=${lanes}$${unpadded(salt)}$${unpadded(digest)}`;
}

function partsOf(text: string): { cost: Cost; salt: Buffer; hash: Buffer } | null {
  const found = phc.exec(text);
  if (found === null) return null;
  const [, memory, passes, lanes, salt = "", digest = ""] = found;
  return {
    cost: { memoryKib: Number(memory), passes: Number(passes), lanes: Number(lanes) },
    salt: Buffer.from(salt, "base64"),
    hash: Buffer.from(digest, "base64"),
  };
}

function unpadded(bytes: Buffer): string {
  return bytes.toString("base64").replace(/=+$/, "");
}
