import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Command } from "commander";
import { expect, onTestFinished, test } from "vitest";
import { readCliConfig } from "./config.ts";
import { Session } from "./session.ts";

test("a deployment that the app does not have is named in the error, with the command that lists them", async () => {
  const server = createServer(({ url = "" }, response) => {
    if (url === "/v1/tokens/exchange") response.end(JSON.stringify({ token: "jwt" }));
    else response.writeHead(404).end(JSON.stringify({ error: "deployment not found" }));
  });
  server.listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const session = new Session({ ...readCliConfig({ HOME: "/nowhere" }), url, token: "tk" }, new Command());
  await expect(session.deployment({ id: "a", name: "my-app" }, "d1")).rejects.toThrow(
    'The app my-app has no deployment d1: list them with "slipway deployments --app my-app".',
  );
});
