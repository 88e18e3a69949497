import { describe, expect, test } from "vitest";
import { queuedDeployment } from "@slipway/core";
import { appBody } from "@slipway/protocol";
import { aNewDeployment, aUser, anApp, testTime } from "@slipway/testkit";
import { presentApp } from "./presenter.ts";

const config = {
  urls: {
    api: "http://127.0.0.1:4100",
    stream: "ws://127.0.0.1:4101",
    app: (name: string) => `http://${name}.localhost:4180`,
  },
  region: "local",
  stacks: [{ name: "one", run: "run", build: "build" }],
};

describe("an app", () => {
  const owner = aUser({ id: "u1", username: "ada", email: "ada@example.com" });
  const app = anApp({ id: "a1", name: "demo", ownerId: "u1" });

  test("an app is new before its first release, with all documented fields", () => {
    const body = presentApp(app, owner, config);
    expect(appBody.strict().parse(body)).toEqual(body);
    expect(body).toMatchObject({
      id: "a1",
      name: "demo",
      status: "new",
      url: "http://demo.localhost:4180",
      owner: { id: "u1", username: "ada", email: "ada@example.com" },
      git_url: "git@127.0.0.1:demo.git",
      created_at: "2026-03-04T05:06:07.089Z",
      last_deployed_at: null,
      last_deployment: null,
      flags: {},
      limits: {},
      links: { deployments_stream: "ws://127.0.0.1:4101/apps/demo" },
    });
  });

  test("an app shows its latest deployment", () => {
    const { id, appId, status, gitRef, createdAt, finishedAt } = queuedDeployment(
      aNewDeployment({ appId: "a1", gitRef: "v2" }),
      1,
    );
    const latest = { id, appId, status, gitRef, createdAt, finishedAt };
    const body = presentApp(app, owner, config, { running: null, latest });
    expect(appBody.strict().parse(body)).toEqual(body);
    expect(body.last_deployment).toEqual({
      id,
      status: "queued",
      git_ref: "v2",
      created_at: createdAt.toISOString(),
      finished_at: null,
    });
  });

  test("an app is running with a release, and has an owner without a name once the account is deleted", () => {
    const body = presentApp({ ...app, currentReleaseId: "r1", lastDeployedAt: testTime }, null, config);
    expect(body).toMatchObject({ status: "running", url: "http://demo.localhost:4180" });
    expect(body.owner).toEqual({ id: "u1", username: "", email: "" });
  });
});
