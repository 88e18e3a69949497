// Sends requests to the public API, with the session's cookie.

import { noteServerTime } from "./server-clock.ts";

const readAgain = "this page tries again by itself";
const sendAgain = "then try again";

/** The page's base URL, set by the API. It ends with a slash. */
const base = () => new URL(document.baseURI);

/** An error response of the API, or no response at all (status 0). */
export class ApiError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.name = "ApiError";
    this.status = status;
  }
}

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** The address of a path below /v1. */
export function apiUrl(path: string): string {
  return new URL(`v1${path}`, base()).href;
}

/**
 * Sends a request and reads the JSON of its answer; undefined for an answer without a body.
 * @throws {ApiError} with the API's own message.
 */
export async function call<Answer>(
  method: Method,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await send(apiUrl(path), {
    method,
    headers: {
      accept: "application/json",
      "x-slipway-console": "1",
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return (response.status === 204 ? undefined : await response.json()) as Answer;
}

/** Sends a request whose response may have any body. @throws {ApiError} */
export async function send(url: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { credentials: "same-origin", ...init });
  } catch (error) {
    if (init.signal?.aborted === true) throw error;
    const isRead = init.method === undefined || init.method === "GET";
    throw new ApiError(
      0,
      `The API does not answer. Check your connection; ${isRead ? readAgain : sendAgain}.`,
    );
  }
  noteServerTime(response);
  if (!response.ok) throw new ApiError(response.status, await messageOf(response));
  return response;
}

/** Whether a request failed with this status. */
export function isStatus(error: unknown, status: number): boolean {
  return error instanceof ApiError && error.status === status;
}

/** The message of any thrown value. */
export function messageFor(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function messageOf(response: Response): Promise<string> {
  const text = await response.text();
  try {
    const body = JSON.parse(text) as { error?: string; errors?: Record<string, string[]>; resource?: string };
    if (body.errors !== undefined) {
      return Object.entries(body.errors)
        .map(([field, problems]) => `${field}: ${problems.join(", ")}`)
        .join("; ");
    }
    if (body.resource !== undefined) return `There is no such ${body.resource}, or you have no access to it.`;
    return body.error ?? `The API answered with status ${response.status}.`;
  } catch {
    return `The API answered with status ${response.status}.`;
  }
}
