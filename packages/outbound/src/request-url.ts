// Sends one request to a user's URL and reads the beginning of the response. It does not follow redirects, because the request is meant
// only for that URL.

import type { IncomingHttpHeaders } from "node:http";
import { SlipwayError } from "@slipway/core";
import { addressRule } from "./address-rules.ts";
import { parseUrl, request } from "./request.ts";

export interface RequestUrlOptions {
  readonly method: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** As in OpenUrlOptions. */
  readonly allowedPrivateHosts?: readonly string[];
  readonly signal: AbortSignal;
  /** Time limit for request and response. Default 15 s. */
  readonly timeoutMs?: number;
  /** Maximum number of bytes of the body to read. Default 16 KiB. */
  readonly maxTextBytes?: number;
}

export interface UrlResponse {
  /** Null without a response. */
  readonly status: number | null;
  /** Why there is no response, with the host but no path, query or credentials; null with a response. */
  readonly error: string | null;
  /** Empty without a response. */
  readonly headers: IncomingHttpHeaders;
  /** The beginning of the body. */
  readonly text: string;
}

const defaultTextBytes = 16 * 1024;

/** Resolves even if the request fails; rejects only with the signal's reason. */
export async function requestUrl(url: string, options: RequestUrlOptions): Promise<UrlResponse> {
  const { allowedPrivateHosts = [], signal, timeoutMs = 15_000, maxTextBytes = defaultTextBytes } = options;
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
    const text = await beginningOf(response, maxTextBytes);
    return { status: response.statusCode ?? null, error: null, headers: response.headers, text };
  } catch (error) {
    signal.throwIfAborted();
    if (bounded.aborted) return failed(`no response within ${timeoutMs / 1000} s`);
    if (error instanceof SlipwayError) return failed(error.message);
    return failed("the connection broke during the response");
  }
}

async function beginningOf(
  response: AsyncIterable<Buffer> & { destroy(): void },
  maxTextBytes: number,
): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of response) {
    chunks.push(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes >= maxTextBytes) break;
  }
  response.destroy();
  return Buffer.concat(chunks).subarray(0, maxTextBytes).toString();
}

function failed(error: string): UrlResponse {
  return { status: null, error, headers: {}, text: "" };
}
