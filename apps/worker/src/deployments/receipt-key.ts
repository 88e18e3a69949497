// The key with which this worker signs receipts. The database keeps the public half of every key that was ever used.

import { readFile } from "node:fs/promises";
import { SlipwayError } from "@slipway/core";
import type { ReceiptStore } from "@slipway/core";
import { receiptSigner } from "@slipway/receipts";
import type { ReceiptSigner } from "@slipway/receipts";

export interface ReceiptKeyOptions {
  /** The secret, or the file that contains the secret. */
  readonly from: { readonly secret: string } | { readonly file: string };
  readonly receipts: Pick<ReceiptStore, "addKey">;
  readonly now: () => Date;
}

/** @returns the current key, after storing its public half. @throws {SlipwayError} "configuration-invalid", "store-unavailable". */
export type CurrentReceiptKey = () => Promise<ReceiptSigner>;

/** The file is read at each use, because it is small and may be replaced at any time. */
export function openReceiptKey({ from, receipts, now }: ReceiptKeyOptions): CurrentReceiptKey {
  let current: (ReceiptSigner & { readonly secret: string }) | null = null;
  return async () => {
    const secret = "secret" in from ? from.secret : await readSecret(from.file);
    if (current?.secret === secret) return current;
    const signer = receiptSigner(secret);
    await receipts.addKey({ id: signer.keyId, publicPem: signer.publicPem, createdAt: now() });
    current = { ...signer, secret };
    return current;
  };
}

async function readSecret(file: string): Promise<string> {
  try {
    return (await readFile(file, "utf8")).trim();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const message = `the key of receipts in ${file} cannot be read (${reason}): restore the file, or set RECEIPT_KEY`;
    throw new SlipwayError("configuration-invalid", message, { cause: error });
  }
}
