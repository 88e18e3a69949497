// Receipts: signed statements of how images were built, and their verification.

export { signStatement, statementMediaType, statementOf, verifyEnvelope, type Envelope } from "./envelope.ts";
export { jwkOf, receiptSigner, type ReceiptSigner } from "./keys.ts";
export { descriptorNames, predicateType, statementAbout } from "./statement.ts";
export type { BuildpackFacts, LayerFacts, ReceiptFacts, Statement } from "./statement.ts";
