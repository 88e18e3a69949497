// Requests to users' URLs: downloads of archives, git repositories, and deliveries to notifiers.

export * from "./request-url.ts";
export * from "./open-url.ts";
export * from "./guarded-proxy.ts";
