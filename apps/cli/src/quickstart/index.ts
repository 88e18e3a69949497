// The API client for the commands, the tests and the benchmarks: deploys a folder and follows its log.

export { ApiClient } from "../client/api-client.ts";
export { deploySample } from "./deploy-sample.ts";
export { followDeployment } from "../client/follow.ts";
export { packFolder } from "../client/pack.ts";
