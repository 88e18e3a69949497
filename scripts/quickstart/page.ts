// Asks a running release for its page, wherever the app's URL leads.
import { get } from "node:http";
import type { IncomingMessage } from "node:http";
import type { LookupFunction } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { reasonOf, SetupError } from "../setup/setup-error.ts";

const tries = 20;
const retryMs = 250;
const answerTimeoutMs = 10_000;

/** The page's text. Throws SetupError when the app does not answer with 200. */
export async function fetchPage(url: string): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ask(url);
    } catch (error) {
      if (attempt === tries)
        throw new SetupError(`The released app does not answer at ${url}: ${reasonOf(error)}`);
      await sleep(retryMs);
    }
  }
}

/** Names under .localhost are this machine, though not every resolver knows that. */
const lookupLocalhost: LookupFunction = (_hostname, options, callback) => {
  const address = { address: "127.0.0.1", family: 4 };
  if (options.all) callback(null, [address]);
  else callback(null, address.address, address.family);
};

async function ask(url: string): Promise<string> {
  const response = await respond(url);
  const body = await text(response);
  if (response.statusCode === 200) return body;
  throw new Error(`it answered ${response.statusCode}`);
}

function respond(url: string): Promise<IncomingMessage> {
  const local = new URL(url).hostname.endsWith(".localhost");
  return new Promise((resolve, reject) => {
    const options = {
      timeout: answerTimeoutMs,
      agent: false as const,
      ...(local ? { lookup: lookupLocalhost } : {}),
    };
    const request = get(url, options, resolve);
    request.on("timeout", () => request.destroy(new Error(`no answer within ${answerTimeoutMs / 1000} s`)));
    request.on("error", reject);
  });
}
