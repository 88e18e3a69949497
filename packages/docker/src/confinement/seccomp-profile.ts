// The seccomp profile of builds, hooks and releases, in the format of Docker Engines.

import { allowedCalls } from "./system-calls.ts";

/** An argument of a call and its required value. Values are compared with 64 bits, while the kernel reads 32 of most arguments. */
interface Argument {
  readonly index: number;
  readonly value: number;
  readonly valueTwo?: number;
  readonly op: "SCMP_CMP_EQ" | "SCMP_CMP_MASKED_EQ";
}

interface Rule {
  readonly names: readonly string[];
  readonly action: "SCMP_ACT_ALLOW" | "SCMP_ACT_ERRNO";
  readonly errnoRet?: number;
  readonly args?: readonly Argument[];
  readonly excludes?: { readonly arches: readonly string[] };
}

const notPermitted = 1;
const notImplemented = 38;

/**
 * Unix, IPv4 and IPv6. All others fail: hypervisor sockets (AF_VSOCK), the kernel's cryptography (AF_ALG), packets, Bluetooth….
 * This is an allowlist, because a refused value with an additional bit above the 32nd would pass.
 */
const families = [1, 2, 10];
const netlinkFamily = 16;
/** Routes, socket diagnosis and device events; not the packet filter (12). */
const netlinkProtocols = [0, 4, 15];
/** The personalities of Docker's default profile: Linux, Linux with 32 bits, each also as Linux 2.6, and the query of the current one. */
const personalities = [0, 8, 0x20000, 0x20008, 0xffffffff];
/** The flags of `clone` for new namespaces. */
const namespaceFlags = 0x7e020000;

const profile = {
  defaultAction: "SCMP_ACT_ERRNO",
  defaultErrnoRet: notPermitted,
  archMap: [
    { architecture: "SCMP_ARCH_X86_64", subArchitectures: ["SCMP_ARCH_X86"] },
    { architecture: "SCMP_ARCH_AARCH64", subArchitectures: ["SCMP_ARCH_ARM"] },
  ],
  syscalls: [
    allow(allowedCalls),
    ...families.map((family) => allow(["socket", "socketpair"], equal(0, family))),
    ...netlinkProtocols.map((protocol) => allow(["socket"], equal(0, netlinkFamily), equal(2, protocol))),
    ...personalities.map((personality) => allow(["personality"], equal(0, personality))),
    {
      ...allow(["clone"], { index: 0, value: namespaceFlags, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }),
      // On s390 the flags are another argument.
      excludes: { arches: ["s390", "s390x"] },
    },
    // The flags are in memory, which a filter cannot read. After this error the C library calls `clone`.
    { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: notImplemented },
    // 32-bit programs could create sockets with it and bypass the rules above. It needs a rule of its own: the engine's library allows it
    // wherever `socket` is allowed.
    { names: ["socketcall"], action: "SCMP_ACT_ERRNO", errnoRet: notImplemented },
  ] satisfies Rule[],
};

/** Value of HostConfig.SecurityOpt of all containers with users' code: no new privileges, and this profile. */
export const securityOptions: readonly string[] = ["no-new-privileges", `seccomp=${JSON.stringify(profile)}`];

/** `Privileges` of a Swarm service with users' code. Engines before API 1.44 ignore both. */
export const servicePrivileges = {
  NoNewPrivileges: true,
  Seccomp: { Mode: "custom", Profile: Buffer.from(JSON.stringify(profile)).toString("base64") },
};

function allow(names: readonly string[], ...args: readonly Argument[]): Rule {
  return { names, action: "SCMP_ACT_ALLOW", ...(args.length === 0 ? {} : { args }) };
}

function equal(index: number, value: number): Argument {
  return { index, value, op: "SCMP_CMP_EQ" };
}
