// The BuildEngine adapter for Docker: runs untrusted builds in isolated containers and removes them afterwards.

export { type EngineOptions, openEngine } from "./docker-engine.ts";
