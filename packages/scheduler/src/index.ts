// Runs releases as rollouts, on one Docker Engine or on a Swarm, and lets one rollout take the other's place.

export { type DockerSchedulerOptions, openDockerScheduler } from "./docker/docker-scheduler.ts";
export { openSwarmScheduler, type SwarmSchedulerOptions } from "./swarm/swarm-scheduler.ts";
