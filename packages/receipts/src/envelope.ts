// DSSE envelopes: a payload with its type, signed together (https://github.com/secure-systems-lab/dsse).

import { createPublicKey, sign, verify } from "node:crypto";
import { SlipwayError } from "@slipway/core";
import { keyIdOf } from "./keys.ts";
import type { ReceiptSigner } from "./keys.ts";
import type { Statement } from "./statement.ts";

/** An envelope with the specification's field names. */
export interface Envelope {
  readonly payloadType: string;
  /** Base64. */
  readonly payload: string;
  readonly signatures: readonly {
    readonly keyid: string;
    /** Base64 of the DER form. */
    readonly sig: string;
  }[];
}

export const statementMediaType = "application/vnd.in-toto+json";

/** Signs a statement. */
export function signStatement(statement: Statement, { keyId, privateKey }: ReceiptSigner): Envelope {
  const payload = Buffer.from(JSON.stringify(statement));
  const sig = sign("sha256", signedBytes(statementMediaType, payload), privateKey);
  return {
    payloadType: statementMediaType,
    payload: payload.toString("base64"),
    signatures: [{ keyid: keyId, sig: sig.toString("base64") }],
  };
}

/**
 * @param publicKeys the trusted keys, as PEM.
 * @returns the id of the key that signed the envelope.
 * @throws {SlipwayError} "invalid" when none of the keys has signed it.
 */
export function verifyEnvelope(envelope: Envelope, publicKeys: readonly string[]): string {
  const signed = signedBytes(envelope.payloadType, Buffer.from(envelope.payload, "base64"));
  for (const key of publicKeys.map((pem) => createPublicKey(pem)))
    for (const { sig } of envelope.signatures)
      if (verify("sha256", signed, key, Buffer.from(sig, "base64"))) return keyIdOf(key);
  const ids = envelope.signatures.map(({ keyid }) => keyid);
  throw new SlipwayError(
    "invalid",
    `no trusted key has signed the receipt (keys of its signatures: ${ids.join(", ") || "none"})`,
  );
}

/** Reads the statement without verifying the signature. @throws {SlipwayError} "invalid" when the payload is not a statement. */
export function statementOf({ payloadType, payload }: Envelope): Statement {
  if (payloadType !== statementMediaType)
    throw new SlipwayError("invalid", `the receipt contains ${payloadType} instead of ${statementMediaType}`);
  return JSON.parse(Buffer.from(payload, "base64").toString("utf8")) as Statement;
}

/** The "pre-authentication encoding" of the specification. */
function signedBytes(payloadType: string, payload: Buffer): Buffer {
  const type = Buffer.from(payloadType);
  return Buffer.concat([Buffer.from(`DSSEv1 ${type.length} ${payloadType} ${payload.length} `), payload]);
}
