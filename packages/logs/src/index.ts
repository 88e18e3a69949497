// The log path: a build's output split, masked, numbered, published and kept; replayed and followed.

export * from "./close-log.ts";
export * from "./deployment-events.ts";
export * from "./feed.ts";
export { defaultLimits } from "./limits.ts";
export type { LogLimits } from "./limits.ts";
export * from "./read-log.ts";
export { createMasker, secretsOf } from "./secrets.ts";
export type { LineBatch } from "./tail.ts";
export { TerminalText } from "./terminal-text.ts";
export * from "./writer.ts";
