// The stream as a part of other programs: its configuration and its start.

export { startStream } from "./app.ts";
export { readConfig } from "./config.ts";
