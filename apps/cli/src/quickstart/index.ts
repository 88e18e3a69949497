// A client of the API as the quickstart uses it, also for tests and benchmarks: deploys a folder and follows the log.

export { ApiClient } from "./api-client.ts";
export type { AppAnswer } from "./api-client.ts";
export { deploySample } from "./deploy-sample.ts";
export { followDeployment } from "./follow.ts";
export { packFolder } from "./pack.ts";
