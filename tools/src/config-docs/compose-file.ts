// The environment blocks of docker-compose.yml: what each process reads, passed from .env or determined by the file.

import { composeSettings } from "./compose-settings.ts";
import { processes, type Variable } from "./variables.ts";

const fromSecrets = (name: string) => `\${${name}:?run apps/cli/secrets.sh}`;
const own = (name: keyof typeof composeSettings.shape) =>
  `\${${name}:-${String(composeSettings.shape[name].parse(undefined))}}`;

/** Variables whose values the file determines, since they follow from its services, networks and secrets. */
const determined: Readonly<Record<string, string>> = {
  INSTALLATION_ID: fromSecrets("INSTALLATION_ID"),
  SIGNING_KEYS: fromSecrets("SIGNING_KEYS"),
  RECEIPT_KEY: fromSecrets("RECEIPT_KEY"),
  BOOTSTRAP_TOKEN: fromSecrets("BOOTSTRAP_TOKEN"),
  REDIS_URL: `redis://:${fromSecrets("REDIS_PASSWORD")}@redis:6379`,
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
/** Ports that the file also publishes, so it contains their default values. */
const published = new Set(["API_PORT", "STREAM_PORT", "ROUTER_PORT"]);
/** Of other ways to run Slipway: blobs are in the database, the engine is the socket's, and the file starts no swarm. */
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
]);

/** Whether `.env` gives the variable its value. */
export function isInEnvFile(variable: Variable): boolean {
  const { name, readers } = variable;
  if (isSecret(variable) || readers.includes("compose")) return true;
  return readers.some(isProcess) && !unused.has(name) && !(name in determined);
}

/** Whether compose refuses to start without it, so that `apps/cli/secrets.sh` generates it. */
export function isSecret({ name, required, readers }: Variable): boolean {
  return determined[name] === fromSecrets(name) || (required && readers.includes("compose"));
}

/** The blocks by their names in the file: `common`, which all processes merge, and the rest of each process. */
export function composeBlocks(variables: readonly Variable[]): Readonly<Record<string, string>> {
  const passed = variables.filter(({ name }) => !unused.has(name));
  const common = passed.filter(({ readers }) => processes.every((one) => readers.includes(one)));
  const blocks = processes.map((one) => [
    one,
    passed.filter((variable) => variable.readers.includes(one) && !common.includes(variable)),
  ]);
  const all: Record<string, readonly Variable[]> = { common, ...Object.fromEntries(blocks) };
  return Object.fromEntries(Object.entries(all).map(([name, list]) => [name, list.map(line).join("\n")]));
}

function line({ name, fallback }: Variable): string {
  const value = published.has(name) ? `\${${name}:-${fallback}}` : determined[name];
  return value === undefined ? `${name}:` : `${name}: ${value}`;
}

function isProcess(reader: string): boolean {
  return processes.some((one) => one === reader);
}
