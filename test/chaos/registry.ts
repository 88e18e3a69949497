// A private registry: a second server with the images of the set-up's registry, so that it has the stack image.

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findProgram, registryConfiguration, serverCommand, spawnService, stopProcess } from "@slipway/setup";
import type { AppEnvironment, Launched } from "@slipway/setup";
import { freePort } from "@slipway/testkit";

export interface RegistryUnderTest extends AsyncDisposable {
  readonly url: string;
  /** Freezes it: requests get no response. */
  freeze(): void;
  thaw(): void;
  /** Kills it as a crash would, whether it is frozen or not. */
  kill(): Promise<void>;
  /** Starts it again on its port. */
  start(): Promise<void>;
}

const pollMs = 50;

/**
 * @param installation the installation whose images it serves. It runs as the user of that installation's registry, which otherwise could
 * not write to new folders.
 * @param storage another folder with the same images.
 */
export async function startRegistry(
  {
    DATA_DIR: dataDir,
    INSTALLATION_ID: installationId,
  }: Pick<AppEnvironment, "DATA_DIR" | "INSTALLATION_ID">,
  storage = join(dataDir, "registry", "storage"),
): Promise<RegistryUnderTest> {
  const program = await findProgram("docker-registry");
  if (program === undefined) throw new Error("docker-registry is not installed");
  const folder = await mkdtemp(join(tmpdir(), "slipway-registry-"));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const file = join(folder, "config.yml");
  const secret = await readFile(join(dataDir, "registry", "secret"), "utf8");
  await writeFile(file, registryConfiguration(storage, port, secret.trim()));
  const server = { name: "registry", folder } as const;
  const [command, ...args] = await serverCommand(installationId, server, [program, "serve", file]);
  let launched: Launched | undefined;

  const kill = async () => {
    if (launched !== undefined) await stopProcess(launched.identity, 0);
  };
  const start = async () => {
    launched = await spawnService(command, args, join(folder, "registry.log"));
    while (!(await answers(url))) {
      const end = launched.ended();
      if (end !== undefined) throw new Error(`the registry did not start: ${end}`);
      await sleep(pollMs);
    }
  };
  await start();
  const signal = (name: NodeJS.Signals) => void process.kill(launched?.identity.pid ?? Number.NaN, name);
  return {
    url,
    freeze: () => signal("SIGSTOP"),
    thaw: () => signal("SIGCONT"),
    kill,
    start,
    async [Symbol.asyncDispose]() {
      try {
        await kill();
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/v2/`)).ok;
  } catch {
    return false;
  }
}
