// Records in engines.json the engines that an installation used: teardown clears all of them, whatever DOCKER_HOST is at that time.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { readText, writePrivate } from "../files.ts";

export interface UsedEngine {
  /** As in DOCKER_HOST; null for the default socket. */
  dockerHost: string | null;
  /** Whether teardown removed everything that ran there; data for the next start may remain. */
  cleared: boolean;
  /** Set for an entry of an earlier version, which recorded engines before they had responded: DOCKER_HOST may have been mistyped. */
  unproven?: true;
}

/** An entry of the file. Entries of that earlier version lack `answered`. */
interface KeptEngine extends Omit<UsedEngine, "unproven"> {
  answered?: true;
}

/** The first files and folders that setup creates after an engine has answered. */
const createdAfterAnswer = ["services.json", "redis", "registry"];

/** Reads the engines that the installation in `dataDir` has used. */
export async function readUsedEngines(dataDir: string): Promise<UsedEngine[]> {
  const kept = await read(dataDir);
  return kept.map(({ dockerHost, cleared, answered }) =>
    answered ? { dockerHost, cleared } : { dockerHost, cleared, unproven: true },
  );
}

/**
 * Records that the installation is about to use these engines, or that they were cleared. Each has responded. The caller holds
 * setup.lock.
 */
export async function recordEngines(dataDir: string, noted: readonly UsedEngine[]): Promise<void> {
  const others = (await read(dataDir)).filter(
    (one) => !noted.some(({ dockerHost }) => dockerHost === one.dockerHost),
  );
  const now: KeptEngine[] = noted.map(({ dockerHost, cleared }) => ({ dockerHost, cleared, answered: true }));
  await writePrivate(engineNotes(dataDir), `${JSON.stringify([...others, ...now], undefined, 2)}\n`);
}

/** Whether no setup of the installation in `dataDir` ever reached a responding engine. */
export function hasReachedNoEngine(dataDir: string): boolean {
  return !createdAfterAnswer.some((name) => existsSync(join(dataDir, name)));
}

/** The path of engines.json. */
export function engineNotes(dataDir: string): string {
  return join(dataDir, "engines.json");
}

async function read(dataDir: string): Promise<KeptEngine[]> {
  const text = await readText(engineNotes(dataDir));
  return text === undefined ? [] : (JSON.parse(text) as KeptEngine[]);
}
