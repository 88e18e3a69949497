// Builds on a Docker Engine: hostile code in containers that hold nothing to take and leave nothing behind.

export { type EngineOptions, openEngine } from "./docker-engine.ts";
