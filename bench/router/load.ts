// Sends requests over keep-alive connections for some seconds, with wrk.

import { execFile } from "node:child_process";
import { promisify } from "node:util";

export interface LoadOptions {
  readonly url: string;
  readonly host: string;
  readonly seconds: number;
  readonly connections: number;
}

export interface LoadResult {
  readonly requests: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const execute = promisify(execFile);
const msPerUnit = { us: 1e-3, ms: 1, s: 1e3, m: 6e4 } as const;

/** @throws Error if wrk is not installed, or if a request fails or is not answered with 2xx or 3xx. */
export async function load({ url, host, seconds, connections }: LoadOptions): Promise<LoadResult> {
  const sizes = ["--threads", "1", "--connections", String(connections), "--duration", `${seconds}s`];
  const stdout = await wrk([...sizes, "--latency", "--header", `Host: ${host}`, url]);
  if (/Non-2xx|Socket errors/.test(stdout))
    throw new Error(`Not all requests to ${url} succeeded:\n${stdout}`);
  return {
    requests: Number(found(stdout, /(\d+) requests in /)[1]),
    perSecond: Number(found(stdout, /Requests\/sec:\s+([\d.]+)/)[1]),
    p50Ms: latencyMs(found(stdout, /50%\s+([\d.]+)(us|ms|s|m)\s/)),
    p99Ms: latencyMs(found(stdout, /99%\s+([\d.]+)(us|ms|s|m)\s/)),
  };
}

async function wrk(args: readonly string[]): Promise<string> {
  try {
    return (await execute("wrk", args)).stdout;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new Error("wrk, which sends the requests, is not installed: install the package wrk.", {
      cause: error,
    });
  }
}

function latencyMs([, value, unit]: RegExpExecArray): number {
  return Number(value) * msPerUnit[unit as keyof typeof msPerUnit];
}

function found(text: string, pattern: RegExp): RegExpExecArray {
  const match = pattern.exec(text);
  if (match === null) throw new Error(`wrk printed nothing that matches ${String(pattern)}:\n${text}`);
  return match;
}
