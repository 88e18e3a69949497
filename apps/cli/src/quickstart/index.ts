// The client of the API, for the commands, the tests and the benchmarks: deploys a folder and follows its log.

export { ApiClient } from "./api-client.ts";
export { deploySample } from "./deploy-sample.ts";
export { followDeployment } from "./follow.ts";
export { packFolder } from "./pack.ts";
