// Builds of Dockerfiles by the BuildKit of an engine.

export { contextFilter } from "./context.ts";
export { fetchesUrl, imageOfStep, readDockerfile, type DockerfileFacts } from "./dockerfile.ts";
export { openImageBuilder } from "./image-builder.ts";
