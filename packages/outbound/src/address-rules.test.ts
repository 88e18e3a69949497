import { expect, test } from "vitest";
import { addressRule, isPublicAddress } from "./address-rules.ts";

test.each(["1.1.1.1", "140.82.121.3", "2606:4700:4700::1111", "::ffff:1.1.1.1"])(
  "%s is public",
  (address) => {
    expect(isPublicAddress(address)).toBe(true);
  },
);

test.each([
  ["unspecified", "0.0.0.0"],
  ["unspecified IPv6", "::"],
  ["loopback", "127.8.9.1"],
  ["loopback IPv6", "::1"],
  ["loopback mapped", "::ffff:127.0.0.1"],
  ["loopback IPv4-compatible", "::127.0.0.1"],
  ["loopback translated", "64:ff9b::7f00:1"],
  ["loopback in 6to4", "2002:7f00:1::"],
  ["private", "10.1.2.3"],
  ["private", "172.31.255.255"],
  ["private", "192.168.0.1"],
  ["unique local", "fd00:ec2::254"],
  ["site local", "fec0::1"],
  ["link local, cloud metadata", "169.254.169.254"],
  ["link local IPv6", "fe80::1"],
  ["carrier grade NAT, cloud metadata", "100.100.100.200"],
  ["cloud host service", "168.63.129.16"],
  ["benchmarking", "198.18.0.1"],
  ["documentation", "2001:db8::1"],
  ["multicast", "224.0.0.1"],
  ["multicast IPv6", "ff02::1"],
  ["broadcast", "255.255.255.255"],
  ["reserved", "240.0.0.1"],
  ["no address", "localhost"],
])("%s %s is not public", (_what, address) => {
  expect(isPublicAddress(address)).toBe(false);
});

test("an operator allows a host, a host with port, an address or a range", () => {
  const rule = addressRule(["git.internal", "10.0.0.5", "192.168.0.0/16", "fd00::/8", "Build.Internal:8080"]);
  expect(rule("10.9.9.9", "git.internal", 443)).toBe(true);
  expect(rule("10.9.9.9", "build.internal", 8080)).toBe(true);
  expect(rule("10.9.9.9", "build.internal", 80)).toBe(false);
  expect(rule("10.0.0.5", "anything.example", 80)).toBe(true);
  expect(rule("::ffff:10.0.0.5", "anything.example", 80)).toBe(true);
  expect(rule("192.168.77.1", "anything.example", 80)).toBe(true);
  expect(rule("fd12::1", "anything.example", 80)).toBe(true);
  expect(rule("10.9.9.9", "anything.example", 80)).toBe(false);
});
