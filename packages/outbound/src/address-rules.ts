// Rules for the addresses to which requests to users' URLs may connect: the public internet, and private hosts that the operator allows.

import { BlockList } from "node:net";
import ipaddr from "ipaddr.js";

/** @returns whether a request may connect to an address that `host` (a URL's host name) resolved to. */
export type AddressRule = (address: string, host: string, port: number) => boolean;

/** Addresses in a public range that are reachable only inside a cloud: Azure's host service. */
const cloudInternal = new Set(["168.63.129.16"]);
const globalIpv6 = ipaddr.IPv6.parseCIDR("2000::/3");

/**
 * @param allowedPrivateHosts hosts that are allowed although they are not public: `host` or `host:port` (as in the URL, IPv6
 * in brackets), or an address or CIDR range, which applies to all names that resolve to it.
 */
export function addressRule(allowedPrivateHosts: readonly string[]): AddressRule {
  const names = new Set(allowedPrivateHosts.map((host) => host.toLowerCase()));
  const ranges = allowedRanges(allowedPrivateHosts);
  return (address, host, port) =>
    isPublicAddress(address) ||
    names.has(host) ||
    names.has(`${host}:${port}`) ||
    ranges.check(parseAddress(address).toString(), parseAddress(address).kind());
}

/** Whether the address is global unicast; unassigned addresses are not public. IPv4-mapped IPv6 counts as IPv4. */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = parseAddress(address);
  if (parsed.range() !== "unicast" || cloudInternal.has(parsed.toString())) return false;
  return parsed instanceof ipaddr.IPv4 || parsed.match(globalIpv6);
}

function allowedRanges(allowed: readonly string[]): BlockList {
  const ranges = new BlockList();
  for (const entry of allowed) {
    if (ipaddr.isValidCIDR(entry)) {
      const [address, prefix] = ipaddr.parseCIDR(entry);
      ranges.addSubnet(address.toString(), prefix, address.kind());
    } else if (ipaddr.isValid(entry)) {
      ranges.addAddress(parseAddress(entry).toString(), parseAddress(entry).kind());
    }
  }
  return ranges;
}

function parseAddress(address: string): ipaddr.IPv4 | ipaddr.IPv6 {
  return ipaddr.process(address);
}
