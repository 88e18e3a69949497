// Builds of Dockerfiles by the BuildKit of an engine. The parser of Dockerfiles is exported by @slipway/buildkit/dockerfile instead,
// because it takes a megabyte of memory; @slipway/buildkit/session, which takes more, exports the sessions.

export { contextFilter } from "./context.ts";
export { openImageBuilder } from "./image-builder.ts";
export { openBuild } from "./open-build.ts";
