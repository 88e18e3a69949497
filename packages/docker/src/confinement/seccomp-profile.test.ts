// test/walls/egress.test.ts tests the profile's effects in a container.

import { expect, test } from "vitest";
import { securityOptions } from "./seccomp-profile.ts";
import { allowedCalls } from "./system-calls.ts";

test.each([
  ["keys of the kernel", /^(keyctl|add_key|request_key)$/],
  ["rings of input and output", /^io_uring/],
  ["programs and events of the kernel", /^(bpf|perf_event_open|userfaultfd|syslog)$/],
  ["mounts and namespaces", /mount|^(unshare|setns|clone3?|pivot_root|chroot|open_tree|fsopen)$/],
  ["sockets of any family", /^(socket|socketpair|socketcall)$/],
  [
    "modules, clocks and other parts of the host",
    /module|^(kexec|reboot|settimeofday|clock_settime|swapon|acct|iopl)/,
  ],
])("no call for %s is allowed whatever its arguments", (_, refused) => {
  expect(allowedCalls.filter((name) => refused.test(name))).toEqual([]);
});

test("no system call is listed twice", () => {
  expect(allowedCalls.toSorted()).toEqual([...new Set(allowedCalls)].toSorted());
});

test("values of arguments are allowed, never refused: a filter compares 64 bits, the kernel 32", () => {
  const [, seccomp = ""] = securityOptions;
  const profile = JSON.parse(seccomp.slice("seccomp=".length)) as {
    readonly syscalls: readonly {
      readonly action: string;
      readonly args?: readonly { readonly op: string }[];
    }[];
  };
  const ops = profile.syscalls.flatMap(({ args }) => args ?? []).map(({ op }) => op);
  expect(new Set(ops)).toEqual(new Set(["SCMP_CMP_EQ", "SCMP_CMP_MASKED_EQ"]));
});
