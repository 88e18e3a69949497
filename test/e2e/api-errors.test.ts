// What the API says when it cannot do what it is asked.

import { expect, test } from "vitest";
import { apiUrl, ask, createApp } from "./slipway.ts";

test("401 without a token, 404 for what is not there, 422 for what is not valid, all as JSON", async () => {
  const anonymous = await fetch(apiUrl("/v1/apps"));
  expect(anonymous.status).toBe(401);
  expect(await anonymous.json()).toEqual({ error: expect.any(String) });

  const unknown = await ask("GET", "/v1/apps/no-such-app");
  expect(unknown.status).toBe(404);
  expect(await unknown.json()).toEqual({ resource: "app", error: expect.any(String) });

  const app = await createApp("errors");
  const noDeployment = await ask("GET", `/v1/apps/${app.name}/deployments/no-such-deployment`);
  expect(noDeployment.status).toBe(404);
  expect(await noDeployment.json()).toMatchObject({ resource: "deployment" });

  const invalid = await ask("POST", "/v1/apps", { app: { name: "Not A Name" } });
  expect(invalid.status).toBe(422);
  expect(await invalid.json()).toMatchObject({ errors: { name: [expect.any(String)] } });

  const noSource = await ask("POST", `/v1/apps/${app.name}/deployments`, {
    deployment: { source_url: "ftp://x/y" },
  });
  expect(noSource.status).toBe(422);
  expect(await noSource.json()).toMatchObject({ errors: { source_url: [expect.any(String)] } });
});
