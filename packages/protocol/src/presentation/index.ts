// Texts that all clients for people show in the same way. Loads no schemas, so that a page can include it.

export { ageText, durationText } from "./time-text.ts";
export { waitText } from "./wait-text.ts";
