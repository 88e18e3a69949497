// Requests to URLs of strangers: for source archives, and to those who want to be told.

export * from "./ask-url.ts";
export * from "./open-url.ts";
