// The scheduler port on one Docker Engine and on a Swarm: starts, replaces and stops rollouts of releases.

export { type DockerSchedulerOptions, openDockerScheduler } from "./docker/docker-scheduler.ts";
export { openSwarmScheduler, type SwarmSchedulerOptions } from "./swarm/swarm-scheduler.ts";
