// Runs git on an untrusted repository: without hooks, prompts and the machine's configuration, only over the given proxy, and within limits
// of time, memory and disk.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { SlipwayError } from "@slipway/core";

export interface GitOptions {
  /** Folder of the bare repository; also the home directory. */
  readonly folder: string;
  /** URL of the remote `origin`, with its credentials. It is passed in the environment, so that process lists do not show it. */
  readonly remoteUrl: string;
  /** URL of the proxy that all connections go through. */
  readonly proxyUrl: string;
  /** Program that connects to a host and a port through the proxy, for git://. */
  readonly gitProxy: string;
  /** File of the certificate authorities to trust. */
  readonly caFile: string;
  /** Maximum size of a file that git writes, and of git's output. */
  readonly maxFileBytes: number;
  readonly signal: AbortSignal;
}

export interface GitOutcome {
  readonly exitCode: number | null;
  readonly stdout: Buffer;
  /** The end of git's error output. */
  readonly stderr: string;
}

/** Limits in the units of the shell's ulimit: KiB of memory, blocks of 512 bytes, seconds of CPU. */
const maxMemoryKib = 2 * 1024 ** 2;
const maxCpuSeconds = 120;
const blockBytes = 512;
const keptErrorBytes = 16 * 1024;
const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** If the machine already has a lower limit, that limit stays. */
const limited = '{ ulimit -S -v "$1"; ulimit -f "$2"; ulimit -t "$3"; } 2>/dev/null; shift 3; exec git "$@"';

/**
 * Resolves with git's output when git has ended, successfully or not.
 * @throws {SlipwayError} "configuration-invalid" when the worker has no git; the signal's reason once it is aborted.
 */
export async function git(args: readonly string[], options: GitOptions): Promise<GitOutcome> {
  const { signal, maxFileBytes } = options;
  signal.throwIfAborted();
  const limits = [maxMemoryKib, Math.ceil(maxFileBytes / blockBytes), maxCpuSeconds].map(String);
  const child = spawn("/bin/sh", ["-c", limited, "git", ...limits, ...args], {
    cwd: options.folder,
    env: environmentOf(options),
    // Git gets its own process group, since it starts helpers that have to end with it.
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const kill = () => killGroup(child);
  signal.addEventListener("abort", kill, { once: true });
  try {
    const [stdout, stderr, [exitCode]] = await Promise.all([
      collect(child.stdout, maxFileBytes, kill),
      tail(child.stderr),
      once(child, "close"),
    ]);
    signal.throwIfAborted();
    if (exitCode === 127)
      throw new SlipwayError(
        "configuration-invalid",
        "The worker cannot run git. Install it on the worker's machine.",
      );
    return { exitCode, stdout, stderr };
  } finally {
    signal.removeEventListener("abort", kill);
    kill();
  }
}

function environmentOf(options: GitOptions): Record<string, string> {
  const { folder } = options;
  const config = Object.entries(configOf(options));
  return {
    PATH: path,
    HOME: folder,
    XDG_CONFIG_HOME: folder,
    TMPDIR: folder,
    LC_ALL: "C",
    SLIPWAY_GIT_PROXY: options.proxyUrl,
    GIT_DIR: folder,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_TERMINAL_PROMPT: "0",
    GIT_ALLOW_PROTOCOL: "https:http:git",
    GIT_NO_LAZY_FETCH: "1",
    GIT_CONFIG_COUNT: String(config.length),
    ...Object.fromEntries(
      config.flatMap(([key, value], index) => [
        [`GIT_CONFIG_KEY_${index}`, key],
        [`GIT_CONFIG_VALUE_${index}`, value],
      ]),
    ),
  };
}

function configOf({ remoteUrl, proxyUrl, gitProxy, caFile }: GitOptions): Readonly<Record<string, string>> {
  return {
    "remote.origin.url": remoteUrl,
    "http.proxy": proxyUrl,
    "http.proxyAuthMethod": "basic",
    "http.sslCAInfo": caFile,
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "60",
    "core.gitProxy": gitProxy,
    "core.hooksPath": "/dev/null",
    "core.attributesFile": "/dev/null",
    "core.askPass": "",
    "core.autocrlf": "false",
    "credential.helper": "",
    // Objects stay in the received pack, and large objects are never held in memory as a whole.
    "transfer.unpackLimit": "1",
    "core.bigFileThreshold": "8m",
    "pack.threads": "1",
    "fetch.recurseSubmodules": "false",
    "fetch.showForcedUpdates": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    // Archives of a revision have the same modes as a checkout.
    "tar.umask": "0022",
  };
}

async function collect(stream: AsyncIterable<Buffer>, maxBytes: number, kill: () => void): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of stream) {
    sizeBytes += chunk.length;
    if (sizeBytes <= maxBytes) chunks.push(chunk);
    else kill();
  }
  return Buffer.concat(chunks);
}

async function tail(stream: AsyncIterable<Buffer>): Promise<string> {
  let kept: Buffer = Buffer.alloc(0);
  for await (const chunk of stream) kept = Buffer.concat([kept, chunk]).subarray(-keptErrorBytes);
  return kept.toString("utf8");
}

/** Also ends processes that git left running. Does nothing when the group has ended. */
function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
