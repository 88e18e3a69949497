import { expect, test } from "vitest";
import { isClosed, isOpen, parseDestination } from "./destinations.ts";

test.each([
  ["10.1.2.0/24", { range: "10.1.2.0/24", family: "ip", port: null }],
  ["10.1.2.3", { range: "10.1.2.3", family: "ip", port: null }],
  ["10.1.2.3:5432", { range: "10.1.2.3", family: "ip", port: 5432 }],
  ["10.0.0.0/8:443", { range: "10.0.0.0/8", family: "ip", port: 443 }],
  ["fd00::/8", { range: "fd00::/8", family: "ip6", port: null }],
  ["[fd00::1]:443", { range: "fd00::1", family: "ip6", port: 443 }],
  ["[fd00::/64]", { range: "fd00::/64", family: "ip6", port: null }],
])("%s is a destination", (text, destination) => {
  expect(parseDestination(text)).toEqual(destination);
});

test.each([
  "",
  "host",
  "10.1.2.3/33",
  "10.1.2.3:0",
  "10.1.2.3:65536",
  "10.1.2.3:x",
  "10.0.0.0/8/8",
  "[10.1.2.3]:80",
])("%j is not a destination", (text) => {
  expect(parseDestination(text)).toBeNull();
});

test.each(["fe80::1%eth0", "[fd00::1]:", "fd00::1/129", '10.1.2.3" accept', "10.1.2.3; accept", "10.1.2.3/"])(
  "%j is not a destination, since it would become part of a rule",
  (text) => {
    expect(parseDestination(text)).toBeNull();
  },
);

test.each([
  "10.0.0.1",
  "100.64.0.1",
  "127.0.0.1",
  "168.63.129.16",
  "169.254.169.254",
  "172.31.255.255",
  "192.168.1.1",
  "224.0.0.1",
  "255.255.255.255",
  "::1",
  "fd00:ec2::254",
  "fe80::1",
  "2002:a9fe:a9fe::1",
  "64:ff9b::a9fe:a9fe",
])("%s is blocked", (address) => {
  expect(isClosed(address)).toBe(true);
});

test.each(["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111"])("%s is public", (address) => {
  expect(isClosed(address)).toBe(false);
});

test("a destination allows its range, with its port only", () => {
  const open = ["10.1.0.0/16:5432", "fd00::1"].flatMap((text) => parseDestination(text) ?? []);
  expect(isOpen(open, "10.1.2.3", 5432)).toBe(true);
  expect(isOpen(open, "10.1.2.3", 80)).toBe(false);
  expect(isOpen(open, "10.2.2.3", 5432)).toBe(false);
  expect(isOpen(open, "fd00::1", 80)).toBe(true);
});
