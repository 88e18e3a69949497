// Which engines an installation has been set up on, kept in engines.json: taking down clears them all, whatever DOCKER_HOST is then.
import { join } from "node:path";
import { readText, writePrivate } from "./files.ts";

export interface UsedEngine {
  /** As DOCKER_HOST; null stands for the default socket. */
  dockerHost: string | null;
  /** Nothing runs there since the installation was taken down; what is kept for a next start may still be there. */
  cleared: boolean;
}

/** The engines that the installation in `dataDir` has something on. */
export async function readUsedEngines(dataDir: string): Promise<UsedEngine[]> {
  const text = await readText(file(dataDir));
  return text === undefined ? [] : (JSON.parse(text) as UsedEngine[]);
}

/** Notes that the installation is about to use these engines, or that they are cleared; the caller holds the set-up's lock. */
export async function noteEngines(dataDir: string, noted: readonly UsedEngine[]): Promise<void> {
  const others = (await readUsedEngines(dataDir)).filter(
    (one) => !noted.some(({ dockerHost }) => dockerHost === one.dockerHost),
  );
  await writePrivate(file(dataDir), `${JSON.stringify([...others, ...noted], undefined, 2)}\n`);
}

function file(dataDir: string): string {
  return join(dataDir, "engines.json");
}
