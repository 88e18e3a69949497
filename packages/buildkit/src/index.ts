// Builds of Dockerfiles by the BuildKit of an engine. What reads a Dockerfile is imported from @slipway/buildkit/dockerfile: its parser
// takes a megabyte of memory. So does what opens sessions, @slipway/buildkit/session, which takes more.

export { contextFilter } from "./context.ts";
export { openImageBuilder } from "./image-builder.ts";
export { openBuild } from "./open-build.ts";
