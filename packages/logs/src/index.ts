// The log path: splits, masks, numbers, publishes and stores a build's output; replays and follows it.

export * from "./close-log.ts";
export * from "./deployment-events.ts";
export * from "./feed.ts";
export { defaultLimits } from "./limits.ts";
export type { LogLimits } from "./limits.ts";
export * from "./read-log.ts";
export type { NumberedLine } from "./recent-lines.ts";
export { createMasker } from "./masker.ts";
export { secretsOf } from "./secrets.ts";
export type { Secret } from "./secrets.ts";
export { SizedCache } from "./sized-cache.ts";
export type { LineBatch } from "./tail.ts";
export { TerminalText } from "./terminal-text.ts";
export * from "./writer.ts";
