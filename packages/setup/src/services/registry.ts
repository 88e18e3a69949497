// Provides the image registry of an installation: the one at REGISTRY_URL, or else a private docker-registry, or else a container.

import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { poll } from "@slipway/async";
import type { Engine } from "../engine/engine-connection.ts";
import { readOrCreate, readText, writePrivate } from "../files.ts";
import type { Installation } from "../installation.ts";
import { findProgram } from "../machine/find-program.ts";
import { step } from "../progress.ts";
import type { PrintLine } from "../progress.ts";
import { reasonOf, SetupError } from "../setup-error.ts";
import { htpasswdLine } from "./htpasswd.ts";
import { choosePort, isPortFree } from "./ports.ts";
import { rememberedPort, rememberPort, runningServer, startServer } from "./private-server.ts";
import type { PrivateServer } from "./private-server.ts";
import { ensureServiceContainer } from "./service-container.ts";
import { runningProcess, stopProcess } from "./services.ts";
import { withoutPassword } from "./shown-url.ts";

const name = "registry" as const;
const probeTimeoutMs = 5_000;
const everyMs = 100;
const startTimeoutMs = 30_000;
const stopGraceMs = 15_000;
const loopback = "127.0.0.1";
const containerHtpasswd = "/tmp/htpasswd";
const containerCommand = `printf '%s\\n' "$HTPASSWD_LINE" >${containerHtpasswd} && exec registry serve /etc/docker/registry/config.yml`;
const manifestTypes = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
];

/** The user of the private registry. */
const user = "slipway";

interface Access {
  secret: string;
  password: string;
  /** The line with this password for an htpasswd file. */
  htpasswd: string;
}

/**
 * Returns the URL of a responding registry, with its password and without a trailing slash. A private registry requires the password:
 * one that an earlier version started without a password is restarted. Throws SetupError with what to do.
 */
export async function ensureRegistry(
  installation: Installation,
  given: string | undefined,
  engine: Engine,
  printLine: PrintLine,
): Promise<string> {
  const { report, during } = step(printLine, name);
  if (given !== undefined) return useGiven(given, report);
  if (!engine.local) {
    throw new SetupError(
      "The Docker Engine is on another machine and cannot reach a private registry here: set REGISTRY_URL to a registry that both can reach.",
    );
  }
  const folder = join(installation.dataDir, name);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const access = await ownAccess(folder);
  const answers = (port: number) => answeringUrl(port, access.password);
  const installationId = installation.id;
  const server = {
    name,
    installationId,
    dataDir: installation.dataDir,
    folder,
    answeringUrl: answers,
    startTimeoutMs,
  };
  if (await stopOpenServer(server)) report("stopped, to start again with a password");
  const running = await runningServer(server);
  if (running !== undefined) {
    report(`running, ${withoutPassword(running)}`);
    return running;
  }
  const url = await during("starting a private registry", () => start(server, access, installation, engine));
  report(`started, ${withoutPassword(url)}`);
  return url;
}

async function ownAccess(folder: string): Promise<Access> {
  const newSecret = () => randomBytes(24).toString("hex");
  const { text: secret } = await readOrCreate(join(folder, "secret"), newSecret);
  const { text: password } = await readOrCreate(join(folder, "password"), newSecret);
  const hashed = join(folder, "htpasswd");
  const htpasswd = (await readText(hashed)) ?? (await htpasswdLine(user, password));
  await writePrivate(hashed, `${htpasswd.trim()}\n`);
  return { secret, password, htpasswd: htpasswd.trim() };
}

/** Stops the private registry when it responds without a password. @returns whether it did. */
async function stopOpenServer({ dataDir, folder }: PrivateServer): Promise<boolean> {
  const running = await runningProcess(dataDir, name);
  const port = await rememberedPort(folder);
  if (running === undefined || port === undefined || !(await answersOpenly(port))) return false;
  await stopProcess(running, stopGraceMs);
  // Images are named by the port, so it is used again once the kernel has released it, shortly after the process's end.
  await poll(() => isPortFree(port, loopback), { everyMs, limitMs: stopGraceMs });
  return true;
}

async function answersOpenly(port: number): Promise<boolean> {
  return request(`http://127.0.0.1:${port}`, "/v2/", "GET").then(
    ({ status }) => status === 200,
    () => false,
  );
}

/** Whether the registry has a manifest for `repository:tag`. */
export async function hasManifest(registryUrl: string, repository: string, tag: string): Promise<boolean> {
  const { status } = await request(registryUrl, `/v2/${repository}/manifests/${tag}`, "HEAD");
  return status === 200;
}

/** The configuration of the private registry. @param htpasswd file with its user; without it, the registry requires no login. */
export function registryConfiguration(
  folder: string,
  port: number,
  secret: string,
  htpasswd?: string,
): string {
  const auth =
    htpasswd === undefined
      ? ""
      : `auth:
  htpasswd:
    realm: slipway
    path: ${JSON.stringify(htpasswd)}
`;
  return `version: 0.1
log:
  level: warn
storage:
  filesystem:
    rootdirectory: ${JSON.stringify(folder)}
  delete:
    enabled: true
http:
  addr: 127.0.0.1:${port}
  secret: ${secret}
${auth}`;
}

async function useGiven(given: string, report: (text: string) => void): Promise<string> {
  const url = given.replace(/\/+$/, "");
  const shown = new URL(url).host;
  try {
    const { status } = await request(url, "/v2/", "GET");
    if (status !== 200) throw new Error(`it answers /v2/ with ${status}`);
  } catch (error) {
    throw new SetupError(
      `The registry at REGISTRY_URL (${shown}) cannot be used (${reasonOf(error)}): start it, add user and password to the URL if it requires them, or unset REGISTRY_URL to use a private one.`,
    );
  }
  report(`using ${shown}`);
  return url;
}

async function start(
  server: PrivateServer,
  access: Access,
  installation: Installation,
  engine: Engine,
): Promise<string> {
  const path = await findProgram("docker-registry");
  if (path === undefined) return startContainer(installation, engine, server.folder, access);
  const file = join(server.folder, "config.yml");
  const storage = join(server.folder, "storage");
  const configure = (port: number) =>
    writePrivate(file, registryConfiguration(storage, port, access.secret, join(server.folder, "htpasswd")));
  return startServer(server, { path, arguments: ["serve", file], configure });
}

async function startContainer(
  installation: Installation,
  engine: Engine,
  folder: string,
  { secret, password, htpasswd }: Access,
): Promise<string> {
  const port = await ensureServiceContainer(installation, engine, {
    name,
    image: "registry:2",
    port: await choosePort(await rememberedPort(folder)),
    innerPort: 5000,
    dataPath: "/var/lib/registry",
    command: ["sh", "-c", containerCommand],
    user: "",
    environment: [
      "REGISTRY_STORAGE_DELETE_ENABLED=true",
      // The image caches in memory which blobs exist, so after a garbage collection it would not notice deleted ones.
      "REGISTRY_STORAGE_CACHE_BLOBDESCRIPTOR=none",
      `REGISTRY_HTTP_SECRET=${secret}`,
      "REGISTRY_AUTH=htpasswd",
      "REGISTRY_AUTH_HTPASSWD_REALM=slipway",
      `REGISTRY_AUTH_HTPASSWD_PATH=${containerHtpasswd}`,
      `HTPASSWD_LINE=${htpasswd}`,
    ],
    installHint: "apt-get install docker-registry",
    variable: "REGISTRY_URL",
  });
  await rememberPort(folder, port);
  const url = await poll(() => answeringUrl(port, password), { everyMs, limitMs: startTimeoutMs });
  if (url === undefined)
    throw new SetupError(
      "The private registry container does not answer: see docker logs, or set REGISTRY_URL.",
    );
  return url;
}

async function answeringUrl(port: number, password: string): Promise<string | undefined> {
  const url = `http://${user}:${password}@127.0.0.1:${port}`;
  return request(url, "/v2/", "GET").then(
    ({ status }) => (status === 200 ? url : undefined),
    () => undefined,
  );
}

async function request(registryUrl: string, path: string, method: string): Promise<Response> {
  const url = new URL(registryUrl);
  const credentials = url.username
    ? `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
    : undefined;
  const response = await fetch(`${url.origin}${path}`, {
    method,
    headers: {
      accept: manifestTypes.join(", "),
      ...(credentials === undefined
        ? {}
        : { authorization: `Basic ${Buffer.from(credentials).toString("base64")}` }),
    },
    signal: AbortSignal.timeout(probeTimeoutMs),
  });
  await response.body?.cancel();
  return response;
}
