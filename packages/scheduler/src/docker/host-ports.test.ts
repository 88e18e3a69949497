import { expect, test } from "vitest";
import { chooseHostPort, isPortTaken } from "./host-ports.ts";
import { hostPortLabel } from "./container-config.ts";

const range = { first: 100, last: 103 };
const published = { Labels: {}, Ports: [{ IP: "127.0.0.1", PrivatePort: 80, PublicPort: 100, Type: "tcp" }] };
const stopped = { Labels: { [hostPortLabel]: "101" }, Ports: [] };

test("a port of a container, running or stopped, or one that was refused is not chosen", () => {
  for (let time = 0; time < 50; time += 1) {
    expect(chooseHostPort([published, stopped], new Set([102]), range)).toBe(103);
  }
});

test("null is returned when all ports of the range are in use", () => {
  expect(chooseHostPort([published, stopped], new Set([102, 103]), range)).toBeNull();
});

test("the default range is below the ports of outgoing connections", () => {
  const port = chooseHostPort([], new Set()) ?? 0;
  expect(port).toBeGreaterThanOrEqual(20_000);
  expect(port).toBeLessThan(30_000);
});

test.for([
  "driver failed programming external connectivity: Bind for 127.0.0.1:20001 failed: port is already allocated",
  "Error starting userland proxy: listen tcp4 127.0.0.1:20001: bind: address already in use",
])("the message '%s' means that the port is taken", (message) => {
  expect(isPortTaken(new Error(message))).toBe(true);
  expect(isPortTaken(new Error("no such image"))).toBe(false);
});
