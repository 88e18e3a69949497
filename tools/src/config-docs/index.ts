// The documented variables, for the tests of docker-compose.yml.

export { isInEnvFile } from "./compose-file.ts";
export { allVariables } from "./variables.ts";
