// Resolves the host of a user's URL to the addresses to which a connection is allowed.

import { lookup as resolveHost } from "node:dns/promises";
import { type LookupFunction, isIP } from "node:net";
import { untilAborted } from "@slipway/async";
import type { AddressRule } from "./address-rules.ts";
import { hostOf, unreachable } from "./url-failures.ts";

export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

/**
 * Resolves the host only once, and the connection is made to these addresses. This prevents DNS rebinding.
 * @throws {SlipwayError} "source-unreachable" when none is allowed; the resolver's own error.
 */
export async function allowedAddresses(
  url: URL,
  isAllowed: AddressRule,
  signal: AbortSignal,
): Promise<ResolvedAddress[]> {
  const host = bareHost(url);
  const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
  const family = isIP(host);
  const addresses =
    family === 0 ? await untilAborted(resolveHost(host, { all: true }), signal) : [{ address: host, family }];
  const allowed = addresses.filter(({ address }) => isAllowed(address, url.hostname, port));
  if (allowed.length === 0) {
    throw unreachable(`${hostOf(url)} is not on the public internet, and the operator has not allowed it.`);
  }
  return allowed;
}

/** The URL's host without the brackets of an IPv6 address. */
export function bareHost({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, "$1");
}

/** @returns a resolver for a socket, which returns these addresses for any host. */
export function fixedLookup(addresses: readonly ResolvedAddress[]): LookupFunction {
  return (_host, { all }, callback) => {
    const [first] = addresses;
    if (all || !first) callback(null, [...addresses]);
    else callback(null, first.address, first.family);
  };
}
