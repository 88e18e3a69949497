// The stream as a library: its configuration and its start.

export { startStream } from "./app.ts";
export { readConfig } from "./config.ts";
