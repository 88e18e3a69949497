// Requests a file with Node.js's own HTTP client. fetch of Node.js 24 would end the process when a server closes the connection of a
// response that is read slowly: an assertion of undici fails outside of any call.

import { once } from "node:events";
import { request as httpRequest } from "node:http";
import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import { request as httpsRequest } from "node:https";

const maxRedirects = 5;
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * @param headersFor returns the headers for a URL: redirects may lead to another host.
 * @returns the response, with any status except a redirect; the caller must read or destroy its body.
 * @throws the connection's error; the signal's reason when aborted, also while the body is read.
 */
export async function requestFile(
  url: URL,
  headersFor: (url: URL) => OutgoingHttpHeaders,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  let at = url;
  for (let followed = 0; followed <= maxRedirects; followed += 1) {
    const response = await send(at, headersFor(at), signal);
    const { location } = response.headers;
    if (!redirects.has(response.statusCode ?? 0) || location === undefined) return response;
    response.destroy();
    at = new URL(location, at);
  }
  throw new Error(`more than ${maxRedirects} redirects`);
}

async function send(url: URL, headers: OutgoingHttpHeaders, signal: AbortSignal): Promise<IncomingMessage> {
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw new Error(`a redirect leads to ${url.protocol}, which is neither http nor https`);
  const open = url.protocol === "https:" ? httpsRequest : httpRequest;
  const request = open(url, { headers, signal }).end();
  const [response] = (await once(request, "response")) as [IncomingMessage];
  return response;
}
