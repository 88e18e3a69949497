// What the documents of the configuration say about each variable, for tests of docker-compose.yml.

export { isInEnvFile } from "./compose-file.ts";
export { allVariables } from "./variables.ts";
