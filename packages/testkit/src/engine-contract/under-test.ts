// The build engine under test, as the parts of its contract suite use it.

import { label } from "@slipway/core";
import type { BuildEngine, ByteStream, Sandbox, SandboxSpec } from "@slipway/core";

/** The context of each part of the suite. */
export interface BuildsUnderTest {
  readonly engine: () => BuildEngine;
  /** An image with bash, coreutils and perl. */
  readonly image: () => string;
  /** Opens another connection for the same installation; the caller disposes it. */
  readonly open: () => BuildEngine;
  /** Opens a connection for another installation on the same engine. */
  readonly openOther: () => BuildEngine;
}

export const mebibyte: number = 1024 ** 2;
export const never: AbortSignal = new AbortController().signal;

/** A folder of the build's user, for tars. */
export const ownFolder = { kind: "directory", mode: 0o755, uid: 2000, gid: 2000 } as const;

/** @returns a function that creates a sandbox for a script of bash, with `changes` to its specification. */
export function sandboxesOf({ engine, image }: BuildsUnderTest) {
  return async (script: string, changes: Partial<SandboxSpec> = {}): Promise<Sandbox> =>
    await engine().createSandbox({ ...spec(image(), script), ...changes }, never);
}

export function spec(image: string, script: string): SandboxSpec {
  return {
    image,
    command: ["bash", "-c", script],
    environment: { GREETING: "hello", PATH: "/usr/local/bin:/usr/bin:/bin" },
    labels: { [label.deployment]: "of-the-suite" },
    limits: {
      memoryBytes: 256 * mebibyte,
      cpus: 1,
      pids: 128,
      tmpfsBytes: 32 * mebibyte,
      diskBytes: 512 * mebibyte,
    },
  };
}

export async function run(sandbox: Sandbox) {
  const chunks: Uint8Array[] = [];
  const exit = await sandbox.run({ signal: never, onOutput: (bytes) => void chunks.push(bytes) });
  return { exit, text: textOf(Buffer.concat(chunks)) };
}

export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("utf8");
}

export async function* oneChunk(bytes: Uint8Array): ByteStream & AsyncGenerator<Uint8Array> {
  yield bytes;
}
