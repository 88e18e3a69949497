// Keys that sign receipts: ECDSA on P-256. A key pair is derived from one secret, so that an installation stores no other format.

import { createECDH, createHash, createPrivateKey, createPublicKey, hkdfSync } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { SlipwayError } from "@slipway/core";

export interface ReceiptSigner {
  /** Id of the public key. */
  readonly keyId: string;
  /** SPKI as PEM. */
  readonly publicPem: string;
  readonly privateKey: KeyObject;
}

/** Minimum length of a secret in characters: 128 bits if they are hexadecimal. */
const minSecretChars = 32;
/** Order of the group of P-256. */
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
/** 128 bits more than the order, so that private keys are evenly distributed. */
const seedBytes = 48;

/**
 * @param secret any text of high entropy.
 * @throws {SlipwayError} "configuration-invalid" if it is too short.
 */
export function receiptSigner(secret: string): ReceiptSigner {
  if (secret.length < minSecretChars) {
    const message = `the key of receipts must have at least ${minSecretChars} characters`;
    throw new SlipwayError("configuration-invalid", message);
  }
  const seed = Buffer.from(hkdfSync("sha256", secret, "", "slipway receipt v1", seedBytes));
  const scalar = (BigInt(`0x${seed.toString("hex")}`) % (order - 1n)) + 1n;
  const d = Buffer.from(scalar.toString(16).padStart(64, "0"), "hex");
  const pair = createECDH("prime256v1");
  pair.setPrivateKey(d);
  const point = pair.getPublicKey();
  const coordinate = (start: number) => point.subarray(start, start + 32).toString("base64url");
  const privateKey = createPrivateKey({
    key: { kty: "EC", crv: "P-256", d: d.toString("base64url"), x: coordinate(1), y: coordinate(33) },
    format: "jwk",
  });
  const publicKey = createPublicKey(privateKey);
  return {
    keyId: keyIdOf(publicKey),
    publicPem: publicKey.export({ type: "spki", format: "pem" }).toString(),
    privateKey,
  };
}

/** Hexadecimal SHA-256 of the key's SPKI in DER: `openssl pkey -pubin -in key.pem -outform DER | sha256sum`. */
export function keyIdOf(publicKey: KeyObject): string {
  return createHash("sha256")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest("hex");
}

/** A public key as a JSON Web Key. @throws when the text is no key. */
export function jwkOf(publicPem: string): { kty: string; crv: string; x: string; y: string } {
  const { kty = "", crv = "", x = "", y = "" } = createPublicKey(publicPem).export({ format: "jwk" });
  return { kty, crv, x, y };
}
