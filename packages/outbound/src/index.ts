// Requests to URLs of users: downloads of source archives, and deliveries to notifiers.

export * from "./request-url.ts";
export * from "./open-url.ts";
