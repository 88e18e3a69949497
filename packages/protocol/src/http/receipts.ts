// Response bodies for receipts of builds, and for the keys that verify them.

import { z } from "zod";

/** A DSSE envelope, with the field names of its specification. */
export const receiptAnswer = z.object({
  payloadType: z.string().meta({ examples: ["application/vnd.in-toto+json"] }),
  /** Base64 of an in-toto statement with the predicate https://slsa.dev/provenance/v1. */
  payload: z.string().meta({ examples: ["eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEifQ=="] }),
  signatures: z.array(
    z.object({
      /** Id of a key of `GET /v1/receipt_keys`. */
      keyid: z
        .string()
        .meta({ examples: ["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"] }),
      /** Base64 of an ECDSA signature in DER. */
      sig: z.string().meta({ examples: ["MEQ="] }),
    }),
  ),
});

export const receiptKeyBody = z.object({
  /** Hexadecimal SHA-256 of the key's SPKI in DER. */
  id: z.string(),
  created_at: z.string(),
  /** SPKI as PEM. */
  pem: z
    .string()
    .meta({ examples: ["-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQ\n-----END PUBLIC KEY-----\n"] }),
  jwk: z.object({ kty: z.string(), crv: z.string(), x: z.string(), y: z.string() }),
});

/** Oldest first. */
export const receiptKeysAnswer = z.object({ receipt_keys: z.array(receiptKeyBody) });

export type ReceiptAnswer = z.infer<typeof receiptAnswer>;
export type ReceiptKeysAnswer = z.infer<typeof receiptKeysAnswer>;
