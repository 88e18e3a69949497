// Counts requests, says in headers how many are left, and refuses those over the limit.

import type { Request, RequestHandler, Response } from "express";
import { SlipwayError } from "@slipway/core";
import type { User } from "@slipway/core";
import { addressKey } from "../address.ts";
import type { Limiter, Limits, Verdict } from "../limits.ts";

type Guard = RequestHandler<Record<string, string>>;

/** For routes behind authentication, by user. @param polled whether clients ask for it again and again. */
export function userLimit(
  { user, polls }: Limits,
  polled: boolean,
  whoIn: (response: Response) => User,
): Guard {
  const limiter = polled ? polls : user;
  return async (_request, response, next) => {
    check(response, await limiter(whoIn(response).id));
    next();
  };
}

/** For routes without a bearer, by address. */
export function addressLimit({ address }: Limits): Guard {
  return async (request, response, next) => {
    await countAddress(address, request, response);
    next();
  };
}

/** Counts a request by its address. @throws {SlipwayError} "too-many-requests" */
export async function countAddress(
  limiter: Limiter,
  request: Pick<Request, "ip">,
  response: Response,
): Promise<void> {
  check(response, await limiter(addressOf(request)));
}

/**
 * A login by something that cannot be guessed. Failures of the address are counted; any number may succeed at once.
 * @throws {SlipwayError} "too-many-requests" when there were too many failures, without an attempt.
 */
export async function limitedLogin<Found>(
  { logins }: Limits,
  request: Pick<Request, "ip">,
  response: Response,
  attempt: () => Promise<Found | null>,
): Promise<Found | null> {
  const address = addressOf(request);
  check(response, await logins.look(address), loginMessage);
  const found = await attempt();
  if (found === null) await logins.count(address);
  return found;
}

/**
 * A login by a password, which can be guessed: each attempt is counted before it is made, for its address and for the name,
 * and taken back when it succeeds.
 * @throws {SlipwayError} "too-many-requests" when there were too many failures, without an attempt.
 */
export async function limitedPassword<Found>(
  { logins, names }: Limits,
  { request, response, name }: { request: Pick<Request, "ip">; response: Response; name: string },
  attempt: () => Promise<Found | null>,
): Promise<Found | null> {
  const [address, user] = [addressOf(request), name.toLowerCase()];
  check(response, await logins.count(address), loginMessage);
  check(response, await names.count(user), loginMessage);
  const forgive = () => Promise.all([logins.forgive(address), names.forgive(user)]);
  try {
    const found = await attempt();
    if (found !== null) await forgive();
    return found;
  } catch (error) {
    await forgive();
    throw error;
  }
}

const loginMessage = "too many failed logins; try again later";
const requestMessage = "too many requests; slow down";

/** Headers as in draft-ietf-httpapi-ratelimit-headers-06, which most clients know. */
function check(response: Response, verdict: Verdict | null, message = requestMessage): void {
  if (verdict === null) return;
  const { allowed, limit, remaining, resetSeconds, windowSeconds } = verdict;
  response.set({
    "RateLimit-Policy": `${limit};w=${windowSeconds}`,
    "RateLimit-Limit": String(limit),
    "RateLimit-Remaining": String(remaining),
    "RateLimit-Reset": String(resetSeconds),
  });
  if (allowed) return;
  response.set("Retry-After", String(resetSeconds));
  throw new SlipwayError("too-many-requests", message);
}

function addressOf(request: Pick<Request, "ip">): string {
  return addressKey(request.ip ?? "");
}
