// Requests to URLs of strangers: for source archives, and to those who want to be told.

export * from "./request-url.ts";
export * from "./open-url.ts";
