// Attacks on the egress of builds, hooks and releases. One app runs all of them in its build, its hook and its release, and prints the
// outcomes to its log and to its page.

import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { networkInterfaces } from "node:os";
import { inlineApp } from "../e2e/apps.ts";

/** The targets of the attacks, by the variables that contain them. */
export interface Targets {
  /** A port of this machine, on all of its addresses. */
  readonly LISTENER: string;
  /** The machine's addresses. */
  readonly HOST: string;
  readonly API: string;
  readonly REGISTRY: string;
  /** The address of another app's container, and the app's name, which the address's host name must not contain. */
  readonly NEIGHBOR: string;
  readonly NEIGHBOR_APP: string;
  /** The same app at the machine's port that the router uses. */
  readonly NEIGHBOR_PORT: string;
}

const refused = "refused";
/** Each attack: a complete statement, and the shell command that prints the outcome. */
export const attacks: readonly (readonly [name: string, command: string, outcome: string])[] = [
  ["the metadata service of clouds is closed", "dial 169.254.169.254 80", refused],
  ["another link-local address is closed", "dial 169.254.170.2 80", refused],
  ["the metadata service of clouds is closed over IPv6", "dial fd00:ec2::254 80", refused],
  ["a link-local address is closed over IPv6", "dial fe80::1 80", refused],
  ["an IPv4 address within an IPv6 one is closed", "dial 64:ff9b::a9fe:a9fe 80", refused],
  ["what listens on the machine is closed by the gateway", 'dial "$(gateway)" "$LISTENER"', refused],
  ["what listens on the machine is closed by its own address", 'dial "$HOST" "$LISTENER"', refused],
  ["the engine's default bridge is closed", 'dial 172.17.0.1 "$LISTENER"', refused],
  ["the machine's loopback address is the container's own", 'dial 127.0.0.1 "$LISTENER"', refused],
  ["10.0.0.0/8 is closed", "dial 10.20.30.40 80", refused],
  ["172.16.0.0/12 is closed", "dial 172.31.255.254 80", refused],
  ["192.168.0.0/16 is closed", "dial 192.168.255.254 80", refused],
  ["100.64.0.0/10 is closed", "dial 100.64.0.1 80", refused],
  ["fc00::/7 is closed", "dial fd12:3456::1 80", refused],
  ["another app's container is closed", 'dial "$NEIGHBOR" 8080', refused],
  ["another app's port on the machine is closed", 'dial "$(gateway)" "$NEIGHBOR_PORT"', refused],
  ["Slipway's API is closed", 'dial "$(gateway)" "$API"', refused],
  ["Slipway's registry is closed", 'dial "$(gateway)" "$REGISTRY"', refused],
  ["the port of DNS is closed but for the machine's resolvers", "dial 10.20.30.40 53", refused],
  ["a neighbor's address has no name of its app", 'named "$NEIGHBOR" "$NEIGHBOR_APP"', "no"],
  ["DNS works", "resolved registry.npmjs.org", "yes"],
];

/** Each system call, and its outcome. */
export const calls: readonly (readonly [name: string, call: string, outcome: string])[] = [
  ["a socket to the hypervisor is refused", "SYS_socket, 40, 1, 0", "EPERM"],
  ["a socket to the hypervisor is refused with a higher bit set", "SYS_socket, 0x100000028, 1, 0", "EPERM"],
  ["a socket to the kernel's cryptography is refused", "SYS_socket, 38, 5, 0", "EPERM"],
  ["a socket to the packet filter is refused", "SYS_socket, 16, 3, 12", "EPERM"],
  [
    "a socket to the packet filter is refused with a higher bit set",
    "SYS_socket, 16, 3, 0x10000000c",
    "EPERM",
  ],
  ["a socket for packets is refused", "SYS_socket, 17, 3, 0", "EPERM"],
  ["a pair of other sockets than Unix's is refused", "SYS_socketpair, 30, 1, 0, pair", "EPERM"],
  ["io_uring_setup is refused", "SYS_io_uring_setup, 1, 0", "EPERM"],
  ["io_uring_register is refused", "SYS_io_uring_register, 0, 0, 0, 0", "EPERM"],
  ["keyctl is refused", "SYS_keyctl, 0, -3, 0", "EPERM"],
  ["add_key is refused", "SYS_add_key, 0, 0, 0, 0, 0", "EPERM"],
  ["request_key is refused", "SYS_request_key, 0, 0, 0, 0", "EPERM"],
  ["bpf is refused", "SYS_bpf, 0, 0, 0", "EPERM"],
  ["perf_event_open is refused", "SYS_perf_event_open, 0, 0, -1, -1, 0", "EPERM"],
  ["userfaultfd is refused", "SYS_userfaultfd, 1", "EPERM"],
  ["a user namespace is refused", "SYS_unshare, 0x10000000", "EPERM"],
  ["clone3 does not exist, so it cannot create namespaces", "SYS_clone3, 0, 0", "ENOSYS"],
  ["a socket for TCP is allowed", "SYS_socket, 2, 1, 0", "allowed"],
  ["a socket for routes is allowed", "SYS_socket, 16, 3, 0", "allowed"],
];

/** 32-bit programs have a call that creates sockets of every family, whose arguments a filter cannot read. */
export const oldCall = [
  "sockets by the call of programs with 32 bits are refused",
  "socketcall",
  "ENOSYS",
] as const;

/** The targets on this machine. */
export type MachineTargets = Pick<Targets, "LISTENER" | "HOST"> & Disposable;

/** Opens a port on all addresses of this machine. */
export async function listenOnMachine(): Promise<MachineTargets> {
  const listener = createServer((socket) => socket.end()).listen(0, "0.0.0.0");
  await once(listener, "listening");
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return {
    LISTENER: String((listener.address() as AddressInfo).port),
    HOST: own.find(({ family, internal }) => family === "IPv4" && !internal)?.address ?? "",
    [Symbol.dispose]: () => void listener.close(),
  };
}

/**
 * An app that compiles a program in its build, and runs all attacks in the build, in its hook and in its release.
 * @throws when a target is empty, which nothing reaches.
 */
export function attacker(targets: Targets) {
  const missing = Object.entries(targets).flatMap(([name, value]) => (value === "" ? [name] : []));
  if (missing.length > 0) throw new Error(`targets of the attacks are missing: ${missing.join(", ")}`);
  const compile = 'gcc -o "$1/calls" calls.c; (cd "$1" && bash attacks.sh build)';
  return inlineApp(compile, "", {
    "calls.c": program(),
    "attacks.sh": script(targets),
    Procfile: `web: bash attacks.sh release >report; exec perl serve.pl "$(cat report)"\npostdeploy: bash attacks.sh hook\n`,
  });
}

function script(targets: Targets): string {
  const variables = Object.entries(targets).map(([name, value]) => `${name}=${value}`);
  const lines = attacks.map(([name, command]) => `report '${name.replaceAll("'", "'\\''")}' "$(${command})"`);
  return `${variables.join("\n")}
place=$1
report() { echo "$place: $1 => $2"; }
dial() { timeout 2 bash -c ': <"/dev/tcp/$0/$1"' "$@" 2>/dev/null && echo reached || echo ${refused}; }
gateway() { while read -r _ to by _; do [ "$to" = 00000000 ] && printf '%d.%d.%d.%d' "0x\${by:6:2}" "0x\${by:4:2}" "0x\${by:2:2}" "0x\${by:0:2}"; done </proc/net/route; }
named() { getent hosts "$1" | grep -q "$2" && echo yes || echo no; }
resolved() { getent hosts "$1" >/dev/null && echo yes || echo no; }
${lines.join("\n")}
./calls "$place"
`;
}

/** Makes the system calls, and the 32-bit call by its interrupt, with arguments below 4 GiB. */
function program(): string {
  const lines = calls.map(([name, call]) => `  report(place, ${JSON.stringify(name)}, syscall(${call}));`);
  return `#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
static int pair[2];
static void report(const char *place, const char *name, long result) {
  printf("%s: %s => %s\\n", place, name, result >= 0 ? "allowed" : strerrorname_np(errno));
  fflush(stdout);
}
int main(int count, char **arguments) {
  const char *place = arguments[count - 1];
${lines.join("\n")}
#ifdef __x86_64__
  unsigned *given = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  given[0] = 38; given[1] = 5; given[2] = 0;
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(102L), "b"(1L), "c"((long)given) : "memory");
  errno = (int)-result;
#else
  long result = -1;
  errno = ENOSYS;
#endif
  report(place, ${JSON.stringify(oldCall[0])}, (int)result < 0 ? -1 : 0);
  return 0;
}
`;
}

/** @returns the outcomes by `PLACE: ATTACK`. */
export function outcomesIn(text: string): ReadonlyMap<string, string> {
  const lines = text.matchAll(/((?:build|hook|release): .+) => (\w+)/g);
  return new Map(Array.from(lines, ([, name = "", outcome = ""]) => [name, outcome]));
}
