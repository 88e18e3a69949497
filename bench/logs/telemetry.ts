// The cost of metrics and traces for the writer of a log: for output that arrives fast, and for lines that arrive one by one.

import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LogWriter } from "@slipway/logs";
import { openStore } from "@slipway/store";
import { tracePhase } from "@slipway/telemetry";
import { wantsRow } from "../rows.ts";
import { compareCpuCost } from "../telemetry/cpu-cost.ts";
import type { Meter } from "../telemetry/cpu-cost.ts";
import { newUser, withLog } from "./with-log.ts";
import type { LogBench } from "./with-log.ts";

export interface Output {
  readonly lines: readonly string[];
  /** Writes this many of the lines in chunks, as a build's output arrives. */
  readonly writeChunks: (log: LogWriter, lineCount: number) => Promise<void>;
}

const fastLines = 100_000;
const slowLines = 4_000;

/** Prints the CPU time of the writer with and without metrics and traces. */
export async function telemetryRows(bench: LogBench, { lines, writeChunks }: Output): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "slipway-bench-"));
  try {
    const ofFast = `CPU time of the writer for ${fastLines} lines`;
    const fast = (meter: Meter) =>
      written(bench, { directory, meter, write: (log) => writeChunks(log, fastLines) });
    if (wantsRow(ofFast)) await compareCpuCost({ title: ofFast, run: fast, pairs: 30 });
    const ofSlow = `CPU time of the writer for ${slowLines} lines that come one by one`;
    const slow = (meter: Meter) =>
      writtenOneByOne(bench, { directory, meter, lines: lines.slice(0, slowLines) });
    if (wantsRow(ofSlow)) await compareCpuCost({ title: ofSlow, run: slow, pairs: 30 });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

interface Written {
  readonly directory: string;
  readonly meter: Meter;
}

/** Writes a log in a phase, so that its calls can be traced, to a new database. */
async function written(
  bench: LogBench,
  { directory, meter, write }: Written & { readonly write: (log: LogWriter) => Promise<void> },
): Promise<number> {
  const path = join(directory, `${randomUUID()}.db`);
  await using store = await openStore({ databaseUrl: `file:${path}` });
  const users = [await newUser(store)];
  const deployment = { id: randomUUID(), attempt: 1 };
  return await meter(async () => {
    await tracePhase(deployment, buildPhase(), () =>
      withLog({ ...bench, store, users }, { followers: 0 }, write),
    );
  });
}

/** Each line is sent after Redis has acknowledged the previous one, so each line is a separate batch. */
async function writtenOneByOne(
  bench: LogBench,
  { lines, ...rest }: Written & { readonly lines: readonly string[] },
): Promise<number> {
  let onNow = (): void => undefined;
  const now = (): Date => {
    onNow();
    return new Date();
  };
  const write = async (log: LogWriter): Promise<void> => {
    for (const line of lines) {
      const { promise, resolve } = Promise.withResolvers<void>();
      // The writer reads the clock when it receives the line, and when Redis has acknowledged the line.
      onNow = () => (onNow = resolve);
      await log.write(Buffer.from(`${line}\n`));
      await promise;
    }
    onNow = () => undefined;
  };
  return await written({ ...bench, now }, { ...rest, write });
}

function buildPhase() {
  return { name: "build", startedAt: new Date(), finishedAt: null, bytes: null, reused: [], outcome: null };
}
