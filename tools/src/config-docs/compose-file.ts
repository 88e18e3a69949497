// The environment blocks of docker-compose.yml: the variables that each process reads, passed from .env or set by the file.

import { redisRights } from "@slipway/setup";
import { composeSettings } from "./compose-settings.ts";
import { processes, type Variable } from "./variables.ts";

const fromSecrets = (name: string) => `\${${name}:?run apps/cli/secrets.sh}`;
const own = (name: keyof typeof composeSettings.shape) =>
  `\${${name}:-${String(composeSettings.shape[name].parse(undefined))}}`;

/** Variables whose values the file sets, since they follow from its services, networks and secrets. */
const determined: Readonly<Record<string, string>> = {
  INSTALLATION_ID: fromSecrets("INSTALLATION_ID"),
  SIGNING_KEYS: fromSecrets("SIGNING_KEYS"),
  RECEIPT_KEY: fromSecrets("RECEIPT_KEY"),
  BOOTSTRAP_TOKEN: fromSecrets("BOOTSTRAP_TOKEN"),
  DATABASE_URL: `mongodb://slipway:${fromSecrets("MONGO_PASSWORD")}@mongo:27017/slipway?authSource=admin`,
  API_HOST: "0.0.0.0",
  STREAM_HOST: "0.0.0.0",
  ROUTER_HOST: "0.0.0.0",
  METRICS_HOST: "0.0.0.0",
  REGISTRY_URL: `http://slipway:${fromSecrets("REGISTRY_PASSWORD")}@registry:5000`,
  REGISTRY_PULL_HOST: `127.0.0.1:${own("REGISTRY_PORT")}`,
  STACK_IMAGE: "*stack-image",
  STACK_BUILD_IMAGE: "*stack-build-image",
  STACK_NAME: "slipway-12",
  RELEASES_HOST: `${own("NETWORK_PREFIX")}.1`,
};
/** Variables whose values the file sets for each process. */
const ofProcess: Readonly<Record<string, (process: string) => string>> = {
  REDIS_URL: (process) => `redis://${process}:${fromSecrets(redisPassword(process))}@redis:6379`,
};
/** Ports that the file also publishes. Their default values are therefore part of the file. */
const published = new Set(["API_PORT", "STREAM_PORT", "ROUTER_PORT"]);
/** Settings that do not apply here: blobs are in the database, the engine is reached by its socket, and no swarm is started. */
const unused = new Set([
  "BLOBS_URL",
  "BUILD_CA_BUNDLE",
  "DATA_DIR",
  "DOCKER_HOST",
  "RECEIPT_KEY_FILE",
  "SCHEDULER",
  "SCHEDULER_DOCKER_HOST",
  "SCHEDULER_NETWORK",
  "SERVICE_NAME",
  "SIGNING_KEY",
  "SIGNING_KEYS_FILE",
  "SWARM_NODE_DOCKER_HOSTS",
]);

/** Whether the variable's value comes from `.env`. */
export function isInEnvFile(variable: Variable): boolean {
  const { name, readers } = variable;
  if (isSecret(variable) || readers.includes("compose")) return true;
  return readers.some(isProcess) && !unused.has(name) && !(name in determined || name in ofProcess);
}

/** Whether compose requires the variable to start. `apps/cli/secrets.sh` generates its value. */
export function isSecret({ name, required, readers }: Variable): boolean {
  return determined[name] === fromSecrets(name) || (required && readers.includes("compose"));
}

/**
 * The blocks by their names in the file: `common`, which all processes merge, the other variables of each process, and the Redis users in
 * the Redis configuration.
 */
export function composeBlocks(variables: readonly Variable[]): Readonly<Record<string, string>> {
  const passed = variables.filter(({ name }) => !unused.has(name));
  const common = passed.filter(
    ({ name, readers }) => !(name in ofProcess) && processes.every((one) => readers.includes(one)),
  );
  const blocks = processes.map((one) => {
    const rest = passed.filter((variable) => variable.readers.includes(one) && !common.includes(variable));
    return [one, lines(rest, one)];
  });
  return { common: lines(common), ...Object.fromEntries(blocks), "redis-users": redisUsers() };
}

/** Lines of redis.conf within a shell's here document, in which compose replaces `$$` by `$`. */
function redisUsers(): string {
  const users = Object.entries(redisRights("$$INSTALLATION_ID"));
  const rules = users.map(
    ([user, rights]) => `user ${user} reset on >$$${redisPassword(user)} ${rights.join(" ")}`,
  );
  return rules.join("\n");
}

function redisPassword(user: string): string {
  return `REDIS_${user.toUpperCase()}_PASSWORD`;
}

function lines(variables: readonly Variable[], process = ""): string {
  return variables.map((variable) => line(variable, process)).join("\n");
}

function line({ name, fallback }: Variable, process: string): string {
  const value = published.has(name)
    ? `\${${name}:-${fallback}}`
    : (ofProcess[name]?.(process) ?? determined[name]);
  return value === undefined ? `${name}:` : `${name}: ${value}`;
}

function isProcess(reader: string): boolean {
  return processes.some((one) => one === reader);
}
