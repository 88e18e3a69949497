// Removes the results of a build from BuildKit's cache.

import { elapsed } from "@slipway/async";
import { type CacheRecord, callEngine, type DockerConnection, usageOf } from "@slipway/docker";

type Docker = DockerConnection["docker"];

const pruneLimitMs = 60_000;
/** BuildKit releases the results of an ended build after a short time. Results of other builds may be in use for long. */
const quietRounds = 2;
const maxRounds = 10;
const pauseMs = 1_000;

/** @returns the time by the engine's clock. */
export async function engineTime(docker: Docker, signal: AbortSignal): Promise<Date> {
  const { SystemTime } = (await callEngine("return its time", () => docker.info(), { signal })) as {
    readonly SystemTime: string;
  };
  return new Date(SystemTime);
}

export interface Made {
  readonly since: Date;
  /** The commands of the build's steps. The engine does not record which build a result belongs to, only which command made it. */
  readonly commands: ReadonlySet<string>;
}

/**
 * Removes the results of these commands since that time, results based on them, and the caches they mounted, except those in use.
 * Results of the same commands in other builds are removed too, which only slows down their next builds.
 * @throws {SlipwayError} "engine-unavailable"
 */
export async function removeResults(docker: Docker, made: Made, signal: AbortSignal): Promise<void> {
  for (let rounds = 0, quiet = 0; rounds < maxRounds && quiet < quietRounds; rounds += 1) {
    const found = resultsOf((await usageOf(docker, signal)).BuildCache ?? [], made);
    const idle = found.filter(({ InUse }) => !InUse);
    // A result cannot be removed while another one is based on it.
    idle.sort((a, b) => byCreation(b, a));
    for (const { ID } of idle) await prune(docker, ID, signal);
    if (found.length === 0) return;
    quiet = idle.length === 0 ? quiet + 1 : 0;
    if (!(await elapsed(pauseMs, signal))) return;
  }
}

function resultsOf(records: readonly CacheRecord[], { since, commands }: Made): readonly CacheRecord[] {
  const recent = records.filter((record) => isSince(record, since)).toSorted(byCreation);
  const found = new Map<string, CacheRecord>();
  for (const record of recent) {
    const { ID, Description, Parent = "", Parents } = record;
    const command = Description.replace(/^.*? from exec /s, "");
    const isMadeFromOne = [Parent, ...(Parents ?? [])].some((id) => found.has(id));
    if (commands.has(command) || isMadeFromOne) found.set(ID, record);
  }
  return [...found.values()];
}

function byCreation(a: CacheRecord, b: CacheRecord): number {
  return Date.parse(a.CreatedAt) - Date.parse(b.CreatedAt);
}

function isSince({ Type, CreatedAt, LastUsedAt }: CacheRecord, since: Date): boolean {
  const time = Type === "exec.cachemount" ? (LastUsedAt ?? CreatedAt) : CreatedAt;
  return Date.parse(time) >= since.getTime();
}

/** The engine accepts one id per request. */
async function prune(docker: Docker, id: string, signal: AbortSignal): Promise<void> {
  const options = {
    path: "/build/prune?",
    method: "POST",
    options: { all: true, filters: { id: { [id]: true } } },
    statusCodes: { 200: true, 500: "server error" },
  };
  const request = () =>
    new Promise<void>((resolve, reject) => {
      docker.modem.dial(options, (error) => (error === null ? resolve() : reject(error)));
    });
  await callEngine("remove results of a build", request, { signal, limitMs: pruneLimitMs });
}
