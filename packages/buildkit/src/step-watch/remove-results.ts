// Removes what a build has left in BuildKit's cache.

import { elapsed } from "@slipway/async";
import { type CacheRecord, callEngine, type DockerConnection, usageOf } from "@slipway/docker";

type Docker = DockerConnection["docker"];

const pruneLimitMs = 60_000;
/** BuildKit releases the results of an ended build shortly after. Those of other builds may be in use for long. */
const quietLooks = 2;
const maxLooks = 10;
const pauseMs = 1_000;

/** @returns the time by the engine's clock. */
export async function engineTime(docker: Docker, signal: AbortSignal): Promise<Date> {
  const { SystemTime } = (await callEngine("return its time", () => docker.info(), { signal })) as {
    readonly SystemTime: string;
  };
  return new Date(SystemTime);
}

/**
 * Removes the results that were made since a time and the mounted caches that were used since then, except for those in use. Results of
 * other builds in this time are removed too, which only makes their next builds slower.
 * @throws {SlipwayError} "engine-unavailable"
 */
export async function removeResultsSince(docker: Docker, since: Date, signal: AbortSignal): Promise<void> {
  for (let looks = 0, quiet = 0; looks < maxLooks && quiet < quietLooks; looks += 1) {
    const found = ((await usageOf(docker, signal)).BuildCache ?? []).filter((record) =>
      isSince(record, since),
    );
    const idle = found.filter(({ InUse }) => !InUse);
    // A result is kept while one that was made from it exists.
    idle.sort((a, b) => Date.parse(b.CreatedAt) - Date.parse(a.CreatedAt));
    for (const { ID } of idle) await prune(docker, ID, signal);
    if (found.length === 0) return;
    quiet = idle.length === 0 ? quiet + 1 : 0;
    if (!(await elapsed(pauseMs, signal))) return;
  }
}

function isSince({ Type, CreatedAt, LastUsedAt }: CacheRecord, since: Date): boolean {
  const time = Type === "exec.cachemount" ? (LastUsedAt ?? CreatedAt) : CreatedAt;
  return Date.parse(time) >= since.getTime();
}

/** The engine takes one id at a time. */
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
