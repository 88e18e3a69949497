// Periodic work of the installation: in each interval one of the workers takes the turn of the work, and does it. All intervals are by
// Redis's clock. A worker that fails leaves no trace: at the end of the turn the next one is taken.

import { contain } from "@slipway/async";
import { loadScript, runScript } from "@slipway/bus";
import type { Bus } from "@slipway/bus";

export interface PeriodicWorkOptions<Name extends string> extends Bus {
  /** The interval of each work. Each worker asks for turns as often as the shortest one says. */
  readonly everyMs: Readonly<Record<Name, number>>;
  readonly run: (name: Name) => Promise<void>;
  readonly onError: (error: unknown, message: string) => void;
}

/** Disposing it takes no more turns, and waits for the work that runs. */
export type PeriodicWork = AsyncDisposable;

/** A turn ends this part of the shortest interval early, so that a timer that fires a little early finds it ended. */
const earlyPart = 0.1;

const takeScript = loadScript("takeTurns", new URL("lua/take-turns.lua", import.meta.url), 1);

/** Starts to take turns. Does not take the turn of work that still runs in this process, so that another worker can. */
export function startPeriodicWork<Name extends string>(options: PeriodicWorkOptions<Name>): PeriodicWork {
  const { redis, keys, run, onError } = options;
  const names = Object.keys(options.everyMs) as Name[];
  const shortestMs = Math.min(...names.map((name) => options.everyMs[name]));
  const turnMs = (name: Name) => Math.ceil(options.everyMs[name] - shortestMs * earlyPart);
  const running = new Map<Name, Promise<void>>();
  let isTaking = false;
  let isStopped = false;

  async function take(): Promise<void> {
    const wanted = names.filter((name) => !running.has(name));
    if (wanted.length === 0) return;
    const values = wanted.flatMap((name) => [name, turnMs(name)]);
    const taken = (await runScript(redis, takeScript, [keys.turns], values)) as Name[];
    if (!isStopped) for (const name of taken) begin(name);
  }

  function begin(name: Name): void {
    const work = run(name)
      .catch((error: unknown) => onError(error, `maintenance failed: ${name}`))
      .finally(() => running.delete(name));
    running.set(name, work);
  }

  /** One request at a time: while Redis does not respond they must not pile up. */
  async function tick(): Promise<void> {
    if (isTaking) return;
    isTaking = true;
    await take().finally(() => {
      isTaking = false;
    });
  }

  const ask = contain(tick, (error) => {
    if (!isStopped) onError(error, "cannot take a turn of the maintenance");
  });
  ask();
  const timer = setInterval(ask, shortestMs);
  return {
    // Does not wait for a pending request: Redis may be unavailable.
    async [Symbol.asyncDispose]() {
      isStopped = true;
      clearInterval(timer);
      await Promise.all(running.values());
    },
  };
}
