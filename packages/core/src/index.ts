// The domain of Slipway: types, rules and ports. No I/O, no clock, no vendor.

export * from "./app.ts";
export * from "./builder.ts";
export * from "./collaborator.ts";
export * from "./deployment.ts";
export * from "./errors.ts";
export * from "./failure.ts";
export * from "./labels.ts";
export * from "./operation.ts";
export * from "./notifier.ts";
export * from "./pagination.ts";
export * from "./quota.ts";
export * from "./receipt.ts";
export * from "./release.ts";
export * from "./source.ts";
export * from "./timeline.ts";
export * from "./user.ts";
export * from "./variable.ts";
export type * from "./ports/blobs.ts";
export type * from "./ports/bytes.ts";
export type * from "./ports/deployment-events.ts";
export type * from "./ports/engine.ts";
export type * from "./ports/http.ts";
export type * from "./ports/image-builder.ts";
export type * from "./ports/images.ts";
export type * from "./ports/scheduler.ts";
export type * from "./ports/store.ts";
