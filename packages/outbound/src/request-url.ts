// Sends one request to somebody's URL and reads a short answer. Redirects are not followed: what is sent is for that URL.

import { SlipwayError } from "@slipway/core";
import { addressRule } from "./address-rules.ts";
import { parseUrl, request } from "./request.ts";

export interface RequestUrlOptions {
  readonly method: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** As OpenUrlOptions has them. */
  readonly allowedPrivateHosts?: readonly string[];
  readonly signal: AbortSignal;
  /** For the whole of it. Default 15 s. */
  readonly timeoutMs?: number;
}

export interface UrlAnswer {
  /** null when there was no answer. */
  readonly status: number | null;
  /** What went wrong on the way, naming the host but no path, query or credentials; null when there was an answer. */
  readonly error: string | null;
  /** The beginning of the body. */
  readonly text: string;
}

const mostTextBytes = 16 * 1024;

/** Resolves also when there is no answer; rejects with the signal's reason only. */
export async function requestUrl(url: string, options: RequestUrlOptions): Promise<UrlAnswer> {
  const { allowedPrivateHosts = [], signal, timeoutMs = 15_000 } = options;
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  try {
    const isAllowed = addressRule(allowedPrivateHosts);
    const { method, headers, body } = options;
    const response = await request(parseUrl(url), {
      method,
      headers,
      isAllowed,
      signal: bounded,
      timeoutMs,
      ...(body === undefined ? {} : { body }),
    });
    return { status: response.statusCode ?? null, error: null, text: await beginningOf(response) };
  } catch (error) {
    signal.throwIfAborted();
    if (bounded.aborted) return failed(`no answer within ${timeoutMs / 1000} s`);
    if (error instanceof SlipwayError) return failed(error.message);
    return failed("the answer broke off");
  }
}

async function beginningOf(response: AsyncIterable<Buffer> & { destroy(): void }): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of response) {
    chunks.push(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes >= mostTextBytes) break;
  }
  response.destroy();
  return Buffer.concat(chunks).subarray(0, mostTextBytes).toString();
}

function failed(error: string): UrlAnswer {
  return { status: null, error, text: "" };
}
