// Runs `garbage-collect` of a registry's program, on this machine or in a container. It ends at once when its caller ends, and soon
// after the caller stops confirming that the writes are still held up: it must never run while images are pushed.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { PassThrough } from "node:stream";
import type { Readable, Writable } from "node:stream";
import { contain } from "@slipway/async";
import type { Engine } from "../engine/engine-connection.ts";
import { SetupError } from "../setup-error.ts";

/** Where the registry's files are, and how its machine runs a program. */
export interface RegistryHost {
  /** For messages. */
  readonly name: string;
  /** The registry's program, by name or path. */
  readonly program: string;
  readonly configuration: string;
  /** The folder of its images. */
  readonly storage: string;
  readonly run: RunScript;
}

interface RunningScript {
  readonly input: Writable;
  /** Lines of its standard output. */
  readonly lines: AsyncIterable<string>;
  /** Resolves at its end with its exit code and what it wrote to standard error. */
  readonly ended: Promise<{ readonly exitCode: number; readonly errors: string }>;
}

type RunScript = (script: string, args: readonly string[]) => Promise<RunningScript>;

/** Confirms while the collection runs that it may continue. */
interface Confirmation {
  readonly everyMs: number;
  /** @returns false when the collection has to end. */
  readonly confirm: () => Promise<boolean>;
  readonly signal: AbortSignal;
}

/** What a collection found unused, and deletes. */
interface Collected {
  /** Digests of the blobs. */
  readonly blobs: readonly string[];
}

/** How long the collection runs without a confirmation, before it is killed. */
const confirmationTimeoutSeconds = 20;
/**
 * Each byte of standard input is a confirmation. Only POSIX: the images of registries have no bash. The standard input of a program in
 * the background is empty, so it is passed as another descriptor.
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

/** Deletes the blobs that no image contains. @throws {SetupError} when it failed or had to end; a later one completes it. */
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

/** Lists the blobs that a collection would delete, and deletes nothing. Images that are pushed meanwhile may be missed. */
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

/** Bytes that the registry's images use on disk. */
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

/** Before it deletes anything, the program reads all manifests. */
function adviceFor(errors: string): string {
  return errors.includes("failed to mark")
    ? `A manifest of the registry is damaged; nothing was deleted. Without --dry-run this command first removes those that a full disk damaged.
Restore any other from a backup, or delete its folder in _manifests/revisions.`
    : "No image is damaged. Repeat the command.";
}

/** Runs scripts on this machine. @param commandLine turns the command of a script into that of the registry's user. */
export function runHere(
  commandLine: (command: readonly [string, ...string[]]) => Promise<readonly [string, ...string[]]>,
): RunScript {
  return async (script, args) => {
    const [file, ...rest] = await commandLine(["/bin/sh", "-c", script, "registry-gc", ...args]);
    // A group of its own: Ctrl-C reaches this command only, which then ends the script.
    const child = spawn(file, rest, { cwd: "/", detached: true, stdio: ["pipe", "pipe", "pipe"] });
    const errors = collected(child.stderr);
    const exit = once(child, "close");
    child.stdin.on("error", ignoreEnd);
    const ended = exit.then(([code]) => ({ exitCode: Number(code ?? 1), errors: errors() }));
    // The reader of the lines gets its error.
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

/** The script may have ended before it read everything. */
function ignoreEnd(): void {}

function collected(stream: Readable): () => string {
  let text = "";
  stream
    .setEncoding("utf8")
    .on("data", (part: string) => (text = (text + part).slice(-10 * shownCharacters)));
  return () => text;
}
