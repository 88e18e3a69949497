// A private installation with docker-compose.yml, set up as documented, on free ports, with replacements of the public images.

import { randomInt } from "node:crypto";
import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Docker from "dockerode";
import { execa } from "execa";
import { label } from "@slipway/core";
import {
  bareEnvironment,
  containers,
  guards,
  images,
  networks,
  readText,
  removeAll,
  repositoryRoot,
  testsOf,
  volumes,
} from "@slipway/setup";
import type { IsOurs, Kind } from "@slipway/setup";
import { freePort, newInstallation } from "@slipway/testkit";
import type { StandIns } from "@slipway/tools/stand-ins";

/** Short, so that another worker soon takes over the work of a killed worker. */
const settings = { LEASE_MS: "4000", RECONCILE_MS: "1000", ENGINE_WORKERS: "2", STOP_GRACE_MS: "1000" };
/** An image of this clone. */
const image = `slipway:compose-${testsOf}`;
const startBoundSeconds = 120;
/** The label of images of this clone. */
const ours = `${label.installation}=${testsOf}`;
/** The engine that the docker command uses. */
const engine = new Docker();

export class ComposeInstallation implements AsyncDisposable {
  readonly project: string;
  readonly apiUrl: string;
  readonly routerUrl: string;
  readonly #folder: string;
  readonly #command: readonly string[];
  readonly #variables: ReadonlyMap<string, string>;

  private constructor(folder: string, command: readonly string[], variables: ReadonlyMap<string, string>) {
    this.#folder = folder;
    this.#command = command;
    this.#variables = variables;
    // Because of a name that begins like the ids of all test installations, npm run down finds the leftovers of a killed run.
    this.project = this.variable("INSTALLATION_ID");
    this.routerUrl = `http://127.0.0.1:${this.variable("ROUTER_PORT")}`;
    this.apiUrl = `http://127.0.0.1:${this.variable("API_PORT")}`;
  }

  /** Creates .env and the apps' image; starts nothing. @param command the command that runs compose on this machine. */
  static async make(command: readonly string[], standIns: StandIns): Promise<ComposeInstallation> {
    const folder = await mkdtemp(join(tmpdir(), "slipway-compose-"));
    const file = join(folder, ".env");
    const example = await readFile(join(repositoryRoot, ".env.example"), "utf8");
    await writeFile(file, example.replace(/^INSTALLATION_ID=$/m, `INSTALLATION_ID=${newInstallation().id}`));
    await execa(join(repositoryRoot, "apps", "cli", "secrets.sh"), [file]);
    const own = {
      ...settings,
      ...standIns,
      SLIPWAY_IMAGE: image,
      API_PORT: String(await freePort()),
      STREAM_PORT: String(await freePort()),
      ROUTER_PORT: String(await freePort()),
      REGISTRY_PORT: String(await freePort()),
      NETWORK_PREFIX: `10.213.${randomInt(1, 255)}`,
    };
    const lines = Object.entries(own).map(([name, value]) => `${name}=${value}\n`);
    await appendFile(file, lines.join(""));
    await buildImage(standIns);
    const given = ((await readText(file)) ?? "").matchAll(/^([A-Z][A-Z0-9_]*)=(.*)$/gm);
    const variables = new Map(Array.from(given, ([, name = "", value = ""]) => [name, value]));
    return new ComposeInstallation(folder, command, variables);
  }

  /** The value of a variable of .env. */
  variable(name: string): string {
    return this.#variables.get(name) ?? "";
  }

  /** Starts all services, or the missing ones, and waits until all services with a health check are healthy. */
  async up(workers: number): Promise<void> {
    await this.#compose("up", "-d", "--scale", `worker=${workers}`);
    const waiting = ["api", "stream", "router"].map(async (service) => {
      const [id = ""] = await this.containers(service);
      const healthy = `until [ "$(docker inspect -f '{{.State.Health.Status}}' ${id})" = healthy ]; do sleep 0.5; done`;
      await execa("timeout", [String(startBoundSeconds), "sh", "-c", healthy]);
    });
    await Promise.all(waiting);
  }

  /** Ids of the containers of a service, or of all services. */
  async containers(service?: string): Promise<string[]> {
    const filters = ["--filter", `label=com.docker.compose.project=${this.project}`];
    if (service !== undefined) filters.push("--filter", `label=com.docker.compose.service=${service}`);
    return docker("ps", "--all", "--quiet", "--no-trunc", ...filters);
  }

  /** Ids of the containers of releases. */
  async releases(): Promise<string[]> {
    return this.#made(`label=${label.kind}=release`);
  }

  /** Removes everything of the installation, including the stores' volumes, as documented in docs/operations.md. */
  async down(): Promise<void> {
    await this.#compose("down", "--volumes", "--timeout", "20");
    const guard = `slipway-${this.variable("INSTALLATION_ID")}-guard`;
    await docker("kill", "--signal", "USR1", guard);
    await docker("wait", guard);
    const made = await this.#made();
    if (made.length > 0) await docker("rm", "--force", "--volumes", ...made);
    const rest = await docker("network", "ls", "--quiet", "--filter", `label=${this.#label}`);
    if (rest.length > 0) await docker("network", "rm", ...rest);
    await this.#removeImages();
  }

  /** Names of all objects with Slipway's labels on the engine, except images. */
  async leftovers(): Promise<string[]> {
    const labels = [`com.docker.compose.project=${this.project}`, this.#label];
    const found = labels.flatMap((one) => [
      docker("ps", "--all", "--format", "{{.Names}}", "--filter", `label=${one}`),
      docker("network", "ls", "--format", "{{.Name}}", "--filter", `label=${one}`),
      docker("volume", "ls", "--format", "{{.Name}}", "--filter", `label=${one}`),
    ]);
    return (await Promise.all(found)).flat();
  }

  /** The containers created by workers that match all filters. */
  async #made(...filters: readonly string[]): Promise<string[]> {
    const all = [`label=${this.#label}`, ...filters].flatMap((one) => ["--filter", one]);
    return docker("ps", "--all", "--quiet", ...all);
  }

  /** Label of all objects that workers create on the engine. */
  get #label(): string {
    return `${label.installation}=${this.variable("INSTALLATION_ID")}`;
  }

  /** Removes leftovers, also after a failure. */
  async [Symbol.asyncDispose](): Promise<void> {
    await using further = new AsyncDisposableStack();
    further.defer(() => rm(this.#folder, { recursive: true }));
    further.defer(removeBuiltImage);
    further.defer(() => this.#removeImages());
    further.defer(() => this.#removeLabelled());
    await this.#compose("down", "--volumes", "--timeout", "20");
  }

  async #removeLabelled(): Promise<void> {
    const own = this.variable("INSTALLATION_ID");
    const isOurs: IsOurs = (labels) =>
      labels?.[label.installation] === own || labels?.["com.docker.compose.project"] === this.project;
    await remove([
      containers(engine, isOurs),
      guards(engine, isOurs),
      networks(engine, isOurs),
      volumes(engine, isOurs),
    ]);
  }

  /** Removes images by name instead of by id: names of other registries may refer to the same images. */
  async #removeImages(): Promise<void> {
    const prefix = `127.0.0.1:${this.variable("REGISTRY_PORT")}/`;
    await remove([images(engine, (_labels, name) => name.startsWith(prefix))]);
  }

  /** Passes no variables except those of .env, as for a new user. */
  async #compose(...args: readonly string[]): Promise<string> {
    const [program = "", ...first] = this.#command;
    const environment = ["--env-file", join(this.#folder, ".env")];
    const file = ["--file", join(repositoryRoot, "docker-compose.yml")];
    const all = [...first, "--project-name", this.project, ...environment, ...file, ...args];
    const { stdout } = await execa(program, all, { env: bareEnvironment(), extendEnv: false });
    return stdout;
  }
}

/** The command that runs compose on this machine; undefined when compose or the engine does not respond. */
export async function composeCommand(): Promise<string[] | undefined> {
  if (!(await answers("docker", "version"))) return undefined;
  if (await answers("docker", "compose", "version")) return ["docker", "compose"];
  return (await answers("docker-compose", "version")) ? ["docker-compose"] : undefined;
}

async function answers(program: string, ...args: readonly string[]): Promise<boolean> {
  return !(await execa(program, args, { reject: false })).failed;
}

/** @returns the output lines of a docker command. */
export async function docker(...args: readonly string[]): Promise<string[]> {
  const { stdout } = await execa("docker", args);
  return stdout.split("\n").filter((line) => line !== "");
}

/** Builds the image, and removes unused images of earlier states of this clone, which a killed run left. */
async function buildImage(standIns: StandIns): Promise<void> {
  const from = [`NODE_IMAGE=${standIns.NODE_IMAGE}`, `PACKAGES_IMAGE=${standIns.PACKAGES_IMAGE}`];
  const own = [...from.flatMap((one) => ["--build-arg", one]), "--label", ours, "--tag", image];
  await docker("build", "--network", "host", ...own, repositoryRoot);
  await pruneImages();
}

async function removeBuiltImage(): Promise<void> {
  await remove([images(engine, (_labels, name) => name === image)]);
  await pruneImages();
}

/** Removes images of this clone without a name. */
async function pruneImages(): Promise<void> {
  const pruned = await execa("docker", ["image", "prune", "--force", "--filter", `label=${ours}`], {
    reject: false,
  });
  // Another process is pruning now: the next run removes the rest.
  if (pruned.failed && !pruned.stderr.includes("a prune operation is already running")) throw pruned;
}

async function remove(kinds: readonly Kind[]): Promise<void> {
  const { left } = await removeAll(kinds);
  if (left.length > 0) throw new Error(`docker compose's installation is not gone: ${left.join("; ")}`);
}
