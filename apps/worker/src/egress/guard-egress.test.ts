import { expect, test } from "vitest";
import { readConfig } from "../config.ts";
import { guardEgress } from "./guard-egress.ts";

const required = {
  INSTALLATION_ID: "here",
  REDIS_URL: "redis://127.0.0.1:1",
  REGISTRY_URL: "http://127.0.0.1:1",
  STACK_IMAGE: "stack",
  RECEIPT_KEY: "0123456789abcdef0123456789abcdef",
};

function configOf(environment: Record<string, string>) {
  return readConfig({ ...required, ...environment });
}

test("APP_RUNTIME is refused on a swarm, whose services have no runtime", async () => {
  const context = {
    config: configOf({ SCHEDULER: "swarm", APP_RUNTIME: "runsc" }),
    logger: { warn: () => undefined },
    redis: { hget: async () => null, hset: async () => 1 },
    keys: { egressProven: "proven" },
    engines: { builds: {}, releases: {}, nodes: [] },
  };
  await expect(guardEgress(context, new AbortController().signal)).rejects.toMatchObject({
    code: "configuration-invalid",
    message: expect.stringContaining("APP_RUNTIME does not apply to a swarm"),
  });
});

test("EGRESS_ALLOW lists addresses and ranges with an optional port, and names what is neither", () => {
  expect(configOf({}).egress).toEqual({ guarded: true, open: [] });
  expect(configOf({ EGRESS: "open", EGRESS_ALLOW: "10.0.0.0/8, [fd00::1]:443" }).egress).toEqual({
    guarded: false,
    open: [
      { range: "10.0.0.0/8", family: "ip", port: null },
      { range: "fd00::1", family: "ip6", port: 443 },
    ],
  });
  expect(() => configOf({ EGRESS_ALLOW: "10.0.0.1 db.internal" })).toThrow(
    /EGRESS_ALLOW: db\.internal is neither an address nor a CIDR range/,
  );
});
