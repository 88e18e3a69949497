// The egress rules of an engine's networks: an nftables table in the network namespace of the engine's host.
//
// A separate table needs none of the engine's chains: it applies with every packet filter that the engine may use, or none, and survives
// a restart of the engine. Its chains precede the engine's, and no later chain can accept what they refuse.

import { closedIpv6Ranges, closedRanges, type Destination, globalIpv6 } from "./destinations.ts";

/** A bridge whose containers are guarded. */
export interface GuardedBridge {
  readonly name: string;
  /** Whether the bridge is the operator's and its containers may connect to each other, for example a proxy to releases. */
  readonly shared: boolean;
  /** Destinations open to the containers of this bridge only. */
  readonly open: readonly Destination[];
}

export interface EgressRules {
  /** Name of the table. */
  readonly table: string;
  readonly bridges: readonly GuardedBridge[];
  /** Destinations open to all containers. */
  readonly open: readonly Destination[];
}

/** Name patterns of bridges of the engine and of other installations. */
const otherBridges = ["docker0", "docker_gwbridge", "br-*", "sw-*"];
/** Before the engine's own chains, which have priority 0. */
const priority = -10;

/**
 * The rules as input of `nft -f`, which replaces the table atomically. The elements of the sets `resolvers4` and `resolvers6`, to
 * which DNS is open, are added on the host, which knows them. Connections are rejected, not dropped, so that programs fail at once.
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

/** Rules for connections to the bridge's own containers, which no destination opens. */
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
