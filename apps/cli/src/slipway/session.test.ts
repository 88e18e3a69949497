import { Command } from "commander";
import { expect, test } from "vitest";
import { sendJson, startApi } from "../../test-support/api.ts";
import { readCliConfig } from "./config.ts";
import { Session } from "./session.ts";

test("a deployment that the app does not have is named in the error, with the command that lists them", async () => {
  const url = await startApi((_request, response) =>
    sendJson(response, 404, { error: "deployment not found" }),
  );
  const session = new Session({ ...readCliConfig({ HOME: "/nowhere" }), url, token: "tk" }, new Command());
  await expect(session.deployment({ id: "a", name: "my-app" }, "d1")).rejects.toThrow(
    'The app my-app has no deployment d1: list them with "slipway deployments --app my-app".',
  );
});
