import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { expect, test } from "vitest";
import { addressKey, addressKeys } from "./address.ts";

test.each([
  ["203.0.113.7", "203.0.113.7"],
  ["::ffff:203.0.113.7", "203.0.113.7"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:0DB8:0001:0002::1", "2001:db8:1:2::/64"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ["64:ff9b::203.0.113.7", "64:ff9b:0:0::/64"],
  ["1::", "1:0:0:0::/64"],
])("%s is counted as %s", (address, key) => {
  expect(addressKey(address)).toBe(key);
});

test.each([
  [0, "127.0.0.1"],
  [1, "198.51.100.1"],
  [2, "203.0.113.7"],
  [["loopback"], "198.51.100.1"],
  [["loopback", "198.51.100.0/24"], "203.0.113.7"],
  [["192.0.2.1"], "127.0.0.1"],
])("with %j trusted the address is %s", (trusted, key) => {
  const request = new IncomingMessage(
    Object.defineProperty(new Socket(), "remoteAddress", { value: "127.0.0.1" }),
  );
  request.headers["x-forwarded-for"] = "203.0.113.7, 198.51.100.1";
  expect(addressKeys(trusted)(request)).toBe(key);
});
