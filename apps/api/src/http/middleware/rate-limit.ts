// Applies rate limits: counts requests, sets the RateLimit headers, and rejects requests over the limit.

import type { Request, RequestHandler, Response } from "express";
import type { Bearer } from "@slipway/auth";
import { SlipwayError } from "@slipway/core";
import { addressKey } from "@slipway/service";
import type { BearerLimits, Limiter, Limits, Verdict } from "../limits.ts";

type Guard = RequestHandler<Record<string, string>>;

/** Limits requests to routes behind authentication. @param polled whether clients poll the route. */
export function bearerLimit(
  { requests, polls }: Pick<Limits, "requests" | "polls">,
  polled: boolean,
  bearerOf: (response: Response) => Bearer,
): Guard {
  return async (_request, response, next) => {
    await countBearer(polled ? polls : requests, bearerOf(response), response);
    next();
  };
}

/**
 * Counts a request for its API token, then for its user. Requests over the token's limit do not count for the user.
 * @throws {SlipwayError} "too-many-requests"
 */
export async function countBearer(
  { token, user }: BearerLimits,
  bearer: Bearer,
  response: Response,
): Promise<void> {
  check(response, await token(bearer.tokenId));
  const ofUser = await user(bearer.user.id);
  if (ofUser?.allowed === false) check(response, ofUser);
}

/** Limits requests to routes without a bearer token, by address. */
export function addressLimit({ address }: Pick<Limits, "address">): Guard {
  return async (request, response, next) => {
    await countAddress(address, request, response);
    next();
  };
}

/** Counts a request for its address. @throws {SlipwayError} "too-many-requests" */
export async function countAddress(
  limiter: Limiter,
  request: Pick<Request, "ip">,
  response: Response,
): Promise<void> {
  check(response, await limiter(addressOf(request)));
}

/**
 * Limits failed password logins, against guessing. Counts the attempt for its address and account before making it, and
 * releases it if it succeeds or throws.
 * @param login.account the user's id, or the given name if no user has it.
 * @throws {SlipwayError} "too-many-requests" after too many failures, without an attempt.
 */
export async function limitedPassword<Found>(
  { logins, accounts }: Pick<Limits, "logins" | "accounts">,
  {
    request,
    response,
    account,
  }: { readonly request: Pick<Request, "ip">; readonly response: Response; readonly account: string },
  attempt: () => Promise<Found | null>,
): Promise<Found | null> {
  const address = addressOf(request);
  check(response, await logins.count(address), loginMessage);
  const ofAccount = await accounts.count(account);
  // Sending the count with every response would reveal which email belongs to which user name.
  if (ofAccount?.allowed === false) check(response, ofAccount, loginMessage);
  const forgive = () => Promise.all([logins.forgive(address), accounts.forgive(account)]);
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
const requestMessage = "too many requests: try again after the seconds in Retry-After";

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
