// The egress rules of an engine's networks: a table of nftables in the network namespace of the engine's host.
//
// A table of its own needs none of the engine's chains: it applies whichever packet filter the engine uses, also none, and a restart
// of the engine leaves it alone. Its chains come before the engine's, and what they refuse stays refused.

import { closedIpv6Ranges, closedRanges, type Destination, globalIpv6 } from "./destinations.ts";

/** A bridge whose containers are guarded. */
export interface GuardedBridge {
  readonly name: string;
  /** The bridge is the operator's, and its containers may connect to each other, as a proxy to releases. */
  readonly shared: boolean;
  /** What is open to the containers of this bridge only. */
  readonly open: readonly Destination[];
}

export interface EgressRules {
  /** Name of the table. */
  readonly table: string;
  readonly bridges: readonly GuardedBridge[];
  /** What is open to all. */
  readonly open: readonly Destination[];
}

/** Bridges of the engine and of other installations. */
const otherBridges = ["docker0", "docker_gwbridge", "br-*", "sw-*"];
/** Before the engine's own chains, which have priority 0. */
const priority = -10;

/**
 * The rules as input of `nft -f`, which replaces the table in one step. The elements of the sets `resolvers4` and `resolvers6`, to
 * which DNS is open, are added on the host, which knows them. What is refused fails at once, so that programs do not wait.
 */
export function renderRules({ table, bridges, open }: EgressRules): string {
  const names = setOf(bridges.map(({ name }) => quoted(name)));
  const own = bridges.flatMap(({ name, open: destinations }) =>
    destinations.map((destination) => `iifname ${quoted(name)} ${accept(destination)}`),
  );
  return `add table inet ${table}
delete table inet ${table}
table inet ${table} {
  set resolvers4 { type ipv4_addr; }
  set resolvers6 { type ipv6_addr; }
  chain open {
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } accept
    ip daddr @resolvers4 meta l4proto { tcp, udp } th dport 53 accept
    ip6 daddr @resolvers6 meta l4proto { tcp, udp } th dport 53 accept
${lines([...own, ...open.map(accept)])}
  }
  chain refuse {
    meta l4proto tcp reject with tcp reset
    reject with icmpx type admin-prohibited
  }
  chain forward {
    type filter hook forward priority ${priority}; policy accept;
    iifname != ${names} accept
    ct state established,related accept
${lines(bridges.map(withinBridge))}
    jump open
    ip daddr ${setOf(closedRanges)} goto refuse
    ip6 daddr != ${globalIpv6} goto refuse
    ip6 daddr ${setOf(closedIpv6Ranges)} goto refuse
${lines(otherBridges.map((name) => `oifname ${quoted(name)} goto refuse`))}
  }
  chain input {
    type filter hook input priority ${priority}; policy accept;
    iifname != ${names} accept
    ct state established,related accept
    jump open
    goto refuse
  }
}
`;
}

/** Connections to the bridge's containers, which no destination opens. */
function withinBridge({ name, shared }: GuardedBridge): string {
  return shared
    ? `iifname ${quoted(name)} oifname ${quoted(name)} accept`
    : `oifname ${quoted(name)} goto refuse`;
}

function accept({ range, family, port }: Destination): string {
  const ports = port === null ? "" : ` meta l4proto { tcp, udp } th dport ${port}`;
  return `${family} daddr ${range}${ports} accept`;
}

function lines(rules: readonly string[]): string {
  return rules.map((rule) => `    ${rule}`).join("\n");
}

function setOf(elements: readonly string[]): string {
  return `{ ${elements.join(", ")} }`;
}

function quoted(name: string): string {
  return `"${name}"`;
}
