// Requests the page of a running release through the router.

import { get } from "node:http";
import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { retry } from "@slipway/async";
import { reasonOf, SetupError } from "@slipway/setup";

const maxAttempts = 20;
const retryMs = 250;
const answerTimeoutMs = 10_000;

/**
 * Fetches the text at an app's URL. The request goes to the router's local address: not every resolver resolves names under
 * .localhost, and a public name may not resolve to this machine yet. Throws SetupError when the app does not answer with 200.
 */
export async function fetchPage(appUrl: string, routerUrl: string): Promise<string> {
  const options = { attempts: maxAttempts, isRetryable: () => true, pauseMs: () => retryMs };
  try {
    return await retry(() => requestPage(new URL(appUrl).host, routerUrl), options);
  } catch (error) {
    throw new SetupError(`The released app does not answer at ${appUrl}: ${reasonOf(error)}`);
  }
}

async function requestPage(host: string, routerUrl: string): Promise<string> {
  const response = await respond(host, routerUrl);
  const body = await text(response);
  if (response.statusCode === 200) return body;
  throw new Error(`it answered ${response.statusCode}`);
}

function respond(host: string, routerUrl: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = get(routerUrl, { headers: { host }, timeout: answerTimeoutMs, agent: false }, resolve);
    request.on("timeout", () => request.destroy(new Error(`no answer within ${answerTimeoutMs / 1000} s`)));
    request.on("error", reject);
  });
}
