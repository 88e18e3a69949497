// Starts releases and lets one take the other's place.

export { type DockerSchedulerOptions, openDockerScheduler } from "./docker/docker-scheduler.ts";
