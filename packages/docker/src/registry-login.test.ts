// Which registries receive the installation's login, with a real engine that pulls from registries that require one.

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { cutServer, lacksEngine, testEngine } from "@slipway/testkit";
import { expect, onTestFinished, test } from "vitest";
import { connectDocker } from "./connection.ts";
import { loginFor, loginOrEmpty } from "./registry-login.ts";

const auth = { username: "puller", password: "secret", serverAddress: "registry.example:5000" };
const authconfig = { username: "puller", password: "secret", serveraddress: "registry.example:5000" };
const basic = `Basic ${Buffer.from("puller:secret").toString("base64")}`;

test.each([
  ["registry.example:5000/apps/a@sha256:0a", authconfig],
  ["registry.example:5000.evil.example/apps/a", undefined],
  ["registry.example/apps/a", undefined],
  ["evil.example/registry.example:5000/a", undefined],
  ["docker.io/heroku/builder:24", undefined],
  ["registry.example:5000", undefined],
])("for %s the login is %j", (reference, expected) => {
  expect(loginFor(reference, auth)).toEqual(expected);
  expect(loginFor(reference, undefined)).toBeUndefined();
  const empty = { username: "", password: "", serveraddress: "" };
  expect(loginOrEmpty(reference, auth)).toEqual(expected ?? empty);
});

/** A registry that rejects every login. @returns its host, and the logins that it received. */
async function refusingRegistry() {
  const received = new Set<string>();
  const server = createServer(({ headers: { authorization } }, response) => {
    if (authorization !== undefined) received.add(authorization);
    response.writeHead(401, { "www-authenticate": 'Basic realm="test"' }).end();
  });
  onTestFinished(() => cutServer(server));
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, received };
}

test.skipIf(await lacksEngine())(
  "an engine sends the login to the installation's registry only",
  async () => {
    const { dockerHost } = await testEngine();
    const [own, other] = [await refusingRegistry(), await refusingRegistry()];
    using connection = connectDocker({ dockerHost, registryAuth: { ...auth, serverAddress: own.host } });
    const { signal } = new AbortController();
    for (const { host } of [own, other])
      await expect(connection.images.ensure(`${host}/team/app:1`, signal)).rejects.toMatchObject({
        code: "registry-unavailable",
      });
    expect([[...own.received], [...other.received]]).toEqual([[basic], []]);
  },
);
