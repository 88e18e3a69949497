// The API's error responses.

import { expect, test } from "vitest";
import { apiUrl, requestApi, createApp } from "./slipway.ts";

test("the API answers 401 without a token, 404 for what does not exist, 422 for what is invalid, all as JSON", async () => {
  const anonymous = await fetch(apiUrl("/v1/apps"));
  expect(anonymous.status).toBe(401);
  expect(await anonymous.json()).toEqual({ error: expect.any(String) });

  const unknown = await requestApi("GET", "/v1/apps/no-such-app");
  expect(unknown.status).toBe(404);
  expect(await unknown.json()).toEqual({ resource: "app", error: expect.any(String) });

  const app = await createApp("errors");
  const noDeployment = await requestApi("GET", `/v1/apps/${app.name}/deployments/no-such-deployment`);
  expect(noDeployment.status).toBe(404);
  expect(await noDeployment.json()).toMatchObject({ resource: "deployment" });

  const invalid = await requestApi("POST", "/v1/apps", { app: { name: "Not A Name" } });
  expect(invalid.status).toBe(422);
  expect(await invalid.json()).toMatchObject({ errors: { name: [expect.any(String)] } });

  const noSource = await requestApi("POST", `/v1/apps/${app.name}/deployments`, {
    deployment: { source_url: "ftp://x/y" },
  });
  expect(noSource.status).toBe(422);
  expect(await noSource.json()).toMatchObject({ errors: { source_url: [expect.any(String)] } });
});
