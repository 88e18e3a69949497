// The settings of the key that signs receipts.

import { z } from "zod";
import { settingDocs } from "@slipway/service";

const minKeyChars = 32;

/** One of the two settings is required. */
export const receiptSettings = z.object({
  RECEIPT_KEY_FILE: z.string().min(1).optional().register(settingDocs, {
    topic: "access",
    description:
      "File with the secret from which the key that signs receipts of builds is derived. It is read again for each receipt. One of `RECEIPT_KEY_FILE` and `RECEIPT_KEY` is required; if both are set, the file applies.",
    npmStart: "`DATA_DIR/receipt-key`, generated once",
  }),
  RECEIPT_KEY: z
    .string()
    .min(minKeyChars, `must have at least ${minKeyChars} characters`)
    .optional()
    .register(settingDocs, {
      topic: "access",
      description: `The secret itself: at least ${minKeyChars} characters, the same for all workers. It may be replaced at any time: receipts stay valid.`,
    }),
});

/** The secret that the receipt key is derived from. */
export function receiptKeyConfig(parsed: z.output<typeof receiptSettings>) {
  return parsed.RECEIPT_KEY_FILE === undefined
    ? { secret: parsed.RECEIPT_KEY ?? "" }
    : { file: parsed.RECEIPT_KEY_FILE };
}
