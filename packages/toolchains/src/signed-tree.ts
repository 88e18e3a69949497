// The signature of a transparent log in Go's checksum database: a note with the log's size and hash, signed with ed25519.

import { createHash, createPublicKey, verify } from "node:crypto";

/** A key in the notation of GOSUMDB: `sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8`. */
export interface VerifierKey {
  readonly name: string;
  /** First four bytes of the key's hash, in hexadecimal. */
  readonly id: string;
  /** 32 bytes. */
  readonly publicKey: Buffer;
}

export interface SignedTree {
  readonly size: number;
  /** 32 bytes. */
  readonly hash: Buffer;
}

/** The only algorithm: ed25519. */
const algorithm = 1;
/** The bytes that precede an ed25519 key in its DER form. */
const derPrefix = Buffer.from("302a300506032b6570032100", "hex");

/** @returns null when the text is not a key. */
export function parseVerifierKey(text: string): VerifierKey | null {
  const [, name = "", id = "", encoded = ""] =
    /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/.exec(text) ?? [];
  const data = Buffer.from(encoded, "base64");
  if (data.length !== 33 || data[0] !== algorithm) return null;
  const hash = createHash("sha256").update(`${name}\n`).update(data).digest("hex");
  return hash.slice(0, 8) === id ? { name, id, publicKey: data.subarray(1) } : null;
}

/** @returns null when the note is not a tree's, or has no valid signature by the key. */
export function openSignedTree(note: string, key: VerifierKey): SignedTree | null {
  const split = note.indexOf("\n\n");
  const [text, signatures] = [note.slice(0, split + 1), note.slice(split + 2)];
  if (split === -1 || !signatures.split("\n").some((line) => isSignature(line, text, key))) return null;
  const [, size = "", encoded = ""] =
    /^go\.sum database tree\n(\d{1,15})\n([A-Za-z0-9+/]{43}=)\n/.exec(text) ?? [];
  return size === "" ? null : { size: Number(size), hash: Buffer.from(encoded, "base64") };
}

/** A line `— NAME BASE64`, of which the first four bytes are the key's id. */
function isSignature(line: string, text: string, { name, id, publicKey }: VerifierKey): boolean {
  const [dash, signer, encoded = ""] = line.split(" ");
  const data = Buffer.from(encoded, "base64");
  if (dash !== "—" || signer !== name || data.toString("hex", 0, 4) !== id) return false;
  const key = createPublicKey({ key: Buffer.concat([derPrefix, publicKey]), format: "der", type: "spki" });
  return verify(null, Buffer.from(text), key, data.subarray(4));
}
