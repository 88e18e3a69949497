// Forwards a request of the distribution API to the registry, and its response back, as streams.

import type { HttpRequest, HttpResponse } from "@slipway/core";
import type { RegistryClient } from "./client.ts";

const requestHeaders = ["accept", "content-type", "content-range", "range"];
const responseHeaders = [
  "content-length",
  "content-range",
  "content-type",
  "docker-content-digest",
  "docker-upload-uuid",
  "link",
  "location",
  "oci-subject",
  "range",
];

/** @see ImageRegistry.forward */
export async function forward(
  client: RegistryClient,
  { method, target, headers, body }: HttpRequest,
  signal: AbortSignal,
): Promise<HttpResponse> {
  const response = await client.request(method, target, {
    headers: some(requestHeaders, (name) => headers[name]),
    ...(body === null ? {} : { body }),
    expect: "any",
    streamed: true,
    signal,
  });
  const { status } = response;
  const returned = some(responseHeaders, (name) => response.header(name) ?? undefined);
  return { status, headers: returned, body: response.body() };
}

function some(
  names: readonly string[],
  valueOf: (name: string) => string | undefined,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = valueOf(name);
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
