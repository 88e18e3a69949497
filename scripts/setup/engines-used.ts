// Which engines an installation has been set up on, kept in engines.json: taking down clears them all, whatever DOCKER_HOST is then.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readText, writePrivate } from "./files.ts";

export interface UsedEngine {
  /** As DOCKER_HOST; null stands for the default socket. */
  dockerHost: string | null;
  /** Nothing runs there since the installation was taken down; what is kept for a next start may still be there. */
  cleared: boolean;
  /** Noted by a version that did so before the engine had answered: it may never have, as under a mistyped DOCKER_HOST. */
  unproven?: true;
}

/** As it is kept: an entry without the mark is of such a version. */
interface KeptEngine extends Omit<UsedEngine, "unproven"> {
  answered?: true;
}

/** What set-up makes first once an engine has answered. */
const madeOnceAnswered = ["services.json", "redis", "registry"];

/** The engines that the installation in `dataDir` has something on. */
export async function readUsedEngines(dataDir: string): Promise<UsedEngine[]> {
  const kept = await read(dataDir);
  return kept.map(({ dockerHost, cleared, answered }) =>
    answered ? { dockerHost, cleared } : { dockerHost, cleared, unproven: true },
  );
}

/**
 * Notes that the installation is about to use these engines, or that they are cleared; each has answered. The caller holds the
 * set-up's lock.
 */
export async function recordEngines(dataDir: string, noted: readonly UsedEngine[]): Promise<void> {
  const others = (await read(dataDir)).filter(
    (one) => !noted.some(({ dockerHost }) => dockerHost === one.dockerHost),
  );
  const now: KeptEngine[] = noted.map(({ dockerHost, cleared }) => ({ dockerHost, cleared, answered: true }));
  await writePrivate(engineNotes(dataDir), `${JSON.stringify([...others, ...now], undefined, 2)}\n`);
}

/** Whether no set-up of the installation in `dataDir` has come as far as an engine that answered. */
export function neverReachedAnEngine(dataDir: string): boolean {
  return !madeOnceAnswered.some((name) => existsSync(join(dataDir, name)));
}

/** The file of the notes. */
export function engineNotes(dataDir: string): string {
  return join(dataDir, "engines.json");
}

async function read(dataDir: string): Promise<KeptEngine[]> {
  const text = await readText(engineNotes(dataDir));
  return text === undefined ? [] : (JSON.parse(text) as KeptEngine[]);
}
