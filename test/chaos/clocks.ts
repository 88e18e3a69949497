// Worker clocks that a test can set. libfaketime replaces the clock of a process; timers are not affected.

import { access, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AppUnderTest } from "./app-under-test.ts";
import type { TestClock } from "./faults.ts";

const library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

export interface Clocks extends AsyncDisposable {
  /** The environment variables that give each worker its clock. */
  readonly variables: readonly Readonly<Record<string, string>>[];
  of(workers: readonly AppUnderTest[]): readonly TestClock[];
}

/** Clocks for this many workers, which show the right time at first. Without Debian's package libfaketime, there are no clocks. */
export async function openClocks(workers: number): Promise<Clocks> {
  const installed = await access(library).then(
    () => true,
    () => false,
  );
  if (!installed)
    process.stdout.write("chaos     no clock jumps: the package libfaketime is not installed\n");
  const folder = await mkdtemp(join(tmpdir(), "slipway-clocks-"));
  const files = Array.from({ length: workers }, (_, index) => join(folder, `${index + 1}`));
  await Promise.all(files.map((file) => writeFile(file, "+0")));
  return {
    variables: files.map((file) => (installed ? variablesOf(file) : {})),
    of: (processes) =>
      installed ? processes.map((worker, index) => clockOf(worker, files[index] ?? "")) : [],
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

function variablesOf(file: string): Readonly<Record<string, string>> {
  return {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: file,
    // Seconds until the file is read again.
    FAKETIME_CACHE_DURATION: "1",
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
  };
}

function clockOf(worker: AppUnderTest, file: string): TestClock {
  return { worker, jump: (seconds) => writeFile(file, seconds < 0 ? `${seconds}` : `+${seconds}`) };
}
