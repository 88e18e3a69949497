// Builds of Dockerfiles by the BuildKit of an engine. What reads a Dockerfile is imported from @slipway/buildkit/dockerfile: its parser
// takes a megabyte of memory.

export { contextFilter } from "./context.ts";
export { openImageBuilder } from "./image-builder.ts";
