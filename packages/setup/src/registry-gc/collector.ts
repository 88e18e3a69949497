// Runs `garbage-collect` of a registry's program, on this machine or in a container. It ends at once when its caller ends, and soon
// after the caller stops confirming that writes are still held: it must never run while images are pushed.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { PassThrough } from "node:stream";
import type { Readable, Writable } from "node:stream";
import { contain } from "@slipway/async";
import type { Engine } from "../engine/engine-connection.ts";
import { SetupError } from "../setup-error.ts";

/** The location of a registry's files, and a way to run programs on its machine. */
export interface RegistryHost {
  /** Name for messages. */
  readonly name: string;
  /** The registry's program, by name or path. */
  readonly program: string;
  readonly configuration: string;
  /** Folder of the registry's images. */
  readonly storage: string;
  readonly run: RunScript;
}

interface RunningScript {
  readonly input: Writable;
  /** Lines of the program's standard output. */
  readonly lines: AsyncIterable<string>;
  /** Resolves when the program ends, with its exit code and its standard error. */
  readonly ended: Promise<{ readonly exitCode: number; readonly errors: string }>;
}

type RunScript = (script: string, args: readonly string[]) => Promise<RunningScript>;

/** Confirms, while the collection runs, that it may continue. */
interface Confirmation {
  readonly everyMs: number;
  /** @returns false when the collection must end. */
  readonly confirm: () => Promise<boolean>;
  readonly signal: AbortSignal;
}

/** The unused content that a collection found and deletes. */
interface Collected {
  /** Digests of the blobs. */
  readonly blobs: readonly string[];
}

/** How long the collection may run without a confirmation before it is killed. */
const confirmationTimeoutSeconds = 20;
/**
 * Each byte of standard input is a confirmation. POSIX shell only, because registry images have no bash. The standard input of a
 * background program is empty, so it is passed as another descriptor.
 */
const collectScript = `exec 3<&0
"$@" & collector=$!
{
  while [ "$(timeout ${confirmationTimeoutSeconds} head -c 1 <&3)" = . ]; do :; done
  kill -KILL $collector
} >/dev/null 2>&1 &
watch=$!
wait $collector
status=$?
kill $watch 2>/dev/null
exit $status`;
const usedScript = `du -sk "$1" | cut -f 1`;
/** Reads digests from standard input. */
const sizeScript = `cd "$1/docker/registry/v2/blobs/sha256" || exit 1
while read -r digest; do stat -c %s "$(echo "$digest" | cut -c 1-2)/$digest/data"; done`;
const eligible = /^blob eligible for deletion: sha256:([0-9a-f]{64})$/;
const shownCharacters = 500;

/** Deletes the blobs that no image contains. @throws {SetupError} when it failed or had to end; the next collection completes it. */
export async function collectGarbage(host: RegistryHost, confirmation: Confirmation): Promise<Collected> {
  await requireHold(confirmation);
  const script = await host.run(collectScript, [host.program, "garbage-collect", host.configuration]);
  const refused = Promise.withResolvers<never>();
  const confirm = contain(
    async () => {
      await requireHold(confirmation);
      script.input.write(".");
    },
    (error) => {
      refused.reject(error);
      script.input.end();
    },
  );
  const timer = setInterval(confirm, confirmation.everyMs);
  confirmation.signal.addEventListener("abort", confirm, { once: true });
  try {
    confirm();
    return await Promise.race([blobsOf(host, script), refused.promise]);
  } finally {
    clearInterval(timer);
    confirmation.signal.removeEventListener("abort", confirm);
    script.input.end();
    await script.ended;
  }
}

async function requireHold({ confirm, signal }: Confirmation): Promise<void> {
  signal.throwIfAborted();
  if (await confirm()) return;
  throw new SetupError(
    "The hold on pushes was lost, because Redis lost its data: garbage collection was stopped. What was pushed in these seconds may be incomplete: deploy those apps again, then repeat the command.",
  );
}

/** Lists the blobs that a collection would delete, without deleting them. It may ignore images that are pushed in the meantime. */
export async function findGarbage(host: RegistryHost): Promise<Collected & { readonly bytes: number }> {
  const command = ["garbage-collect", "--dry-run", host.configuration];
  const script = await host.run(`exec "$@"`, [host.program, ...command]);
  script.input.end();
  const { blobs } = await blobsOf(host, script);
  const sizes = await host.run(sizeScript, [host.storage]);
  sizes.input.end(blobs.map((digest) => `${digest}\n`).join(""));
  let bytes = 0;
  for await (const line of sizes.lines) bytes += Number(line);
  await sizes.ended;
  return { blobs, bytes };
}

/** Disk space in bytes that the registry's images use. */
export async function usedBytes(host: RegistryHost): Promise<number> {
  const script = await host.run(usedScript, [host.storage]);
  script.input.end();
  let text = "";
  for await (const line of script.lines) text += line;
  const { errors } = await script.ended;
  if (!/^\d+$/.test(text))
    throw new SetupError(`The size of ${host.storage} of ${host.name} cannot be read: ${errors.trim()}`);
  return Number(text) * 1024;
}

async function blobsOf(host: RegistryHost, script: RunningScript): Promise<Collected> {
  const blobs: string[] = [];
  for await (const line of script.lines) {
    const digest = eligible.exec(line)?.[1];
    if (digest !== undefined) blobs.push(digest);
  }
  const { exitCode, errors } = await script.ended;
  if (exitCode === 0) return { blobs };
  const shown = errors.trim().slice(-shownCharacters);
  throw new SetupError(
    `Garbage collection of ${host.name} failed with exit code ${exitCode}: ${shown}\n${adviceFor(errors)}`,
  );
}

/** The program reads all manifests before it deletes anything. */
function adviceFor(errors: string): string {
  return errors.includes("failed to mark")
    ? `A manifest of the registry is damaged; nothing was deleted. Without --dry-run this command first removes those that a full disk damaged.
Restore any other from a backup, or delete its folder in _manifests/revisions.`
    : "No image is damaged. Repeat the command.";
}

/** Runs scripts on this machine. @param commandLine turns a script's command into one that runs as the registry's user. */
export function runHere(
  commandLine: (command: readonly [string, ...string[]]) => Promise<readonly [string, ...string[]]>,
): RunScript {
  return async (script, args) => {
    const [file, ...rest] = await commandLine(["/bin/sh", "-c", script, "registry-gc", ...args]);
    // A process group of its own: Ctrl-C reaches only this command, which then ends the script.
    const child = spawn(file, rest, { cwd: "/", detached: true, stdio: ["pipe", "pipe", "pipe"] });
    const errors = collected(child.stderr);
    const exit = once(child, "close");
    child.stdin.on("error", ignoreEnd);
    const ended = exit.then(([code]) => ({ exitCode: Number(code ?? 1), errors: errors() }));
    // The lines' reader gets the error.
    ended.catch(() => undefined);
    return { input: child.stdin, lines: createInterface(child.stdout), ended };
  };
}

/** Runs scripts in a container. */
export function runInContainer({ docker }: Engine, containerId: string): RunScript {
  return async (script, args) => {
    const Cmd = ["sh", "-c", script, "registry-gc", ...args];
    const attach = { AttachStdin: true, AttachStdout: true, AttachStderr: true };
    const exec = await docker.getContainer(containerId).exec({ Cmd, ...attach });
    const stream = await exec.start({ hijack: true, stdin: true });
    const [output, errorOutput] = [new PassThrough(), new PassThrough()];
    docker.modem.demuxStream(stream, output, errorOutput);
    const errors = collected(errorOutput);
    stream.on("error", ignoreEnd);
    const end = once(stream, "close").then(async () => {
      output.end();
      return { exitCode: (await exec.inspect()).ExitCode ?? 1, errors: errors() };
    });
    end.catch(() => undefined);
    return { input: stream, lines: createInterface(output), ended: end };
  };
}

/** The script may have ended before it read all its input. */
function ignoreEnd(): void {}

function collected(stream: Readable): () => string {
  let text = "";
  stream
    .setEncoding("utf8")
    .on("data", (part: string) => (text = (text + part).slice(-10 * shownCharacters)));
  return () => text;
}
