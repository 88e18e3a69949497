import { describe, expect, test } from "vitest";
import { appBody, deploymentBody } from "@slipway/protocol";
import { durationSeconds, paginate, queuedDeployment } from "@slipway/core";
import { aNewDeployment, aUser, anApp, stepsTo, testTime } from "@slipway/testkit";
import { presentApp } from "../apps/presenter.ts";
import { presentDeployment, presentPagination } from "./presenter.ts";

const config = {
  PUBLIC_API_URL: "http://127.0.0.1:4100",
  PUBLIC_STREAM_URL: "ws://127.0.0.1:4101",
  REGION_NAME: "local",
  ROUTER_DOMAIN: "localhost",
  ROUTER_PORT: 4180,
};

describe("an app", () => {
  const owner = aUser({ id: "u1", username: "ada", email: "ada@example.com" });
  const app = anApp({ id: "a1", name: "demo", ownerId: "u1" });

  test("is new before its first release, with all documented fields", () => {
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
      flags: {},
      limits: {},
      links: { deployments_stream: "ws://127.0.0.1:4101/apps/demo" },
    });
  });

  test("has the router's URL, or PUBLIC_APP_URL", () => {
    const running = { ...app, currentReleaseId: "r1", lastDeployedAt: testTime };
    const body = presentApp(running, null, config);
    expect(body).toMatchObject({ status: "running", url: "http://demo.localhost:4180" });
    expect(body.owner).toEqual({ id: "u1", username: "", email: "" });
    const withAppUrl = { ...config, PUBLIC_APP_URL: "https://{app}.apps.example.com" };
    expect(presentApp(running, null, withAppUrl)).toMatchObject({ url: "https://demo.apps.example.com" });
  });
});

describe("a deployment", () => {
  const queued = queuedDeployment(
    aNewDeployment({ source: { kind: "url", url: "https://user:hunter2@example.com/a.tar.gz" } }),
    1,
  );

  test("that is queued has all documented fields, without its source", () => {
    const body = presentDeployment(queued, config.PUBLIC_API_URL);
    expect(deploymentBody.strict().parse(body)).toEqual(body);
    expect(body).toMatchObject({ status: "queued", duration: 0, finished_at: null, image: null });
    expect(body.links.output).toBe(
      `http://127.0.0.1:4100/v1/apps/${queued.appId}/deployments/${queued.id}/output`,
    );
    expect(JSON.stringify(body)).not.toContain("hunter2");
  });

  test("shows registry and image separately, its size in bytes, and its duration in whole seconds", () => {
    const done = stepsTo(queued, "success", new Date(testTime.getTime() + 1_499)).at(-1) ?? queued;
    const finished = {
      ...done,
      startedAt: testTime,
      image: "127.0.0.1:5000/apps/a1@sha256:abc",
      imageSizeBytes: 12,
    };
    expect(presentDeployment(finished, config.PUBLIC_API_URL)).toMatchObject({
      status: "success",
      registry: "127.0.0.1:5000",
      image: "apps/a1@sha256:abc",
      image_size: 12,
      duration: durationSeconds(finished),
      finished_at: "2026-03-04T05:06:08.588Z",
      failure: null,
    });
    const elsewhere = { ...finished, image: "library/a1:latest" };
    expect(presentDeployment(elsewhere, config.PUBLIC_API_URL)).toMatchObject({
      registry: null,
      image: "library/a1:latest",
    });
  });
});

test("pagination names the previous and next page", () => {
  expect(presentPagination(paginate({ page: 2, perPage: 10 }, 21))).toEqual({
    current_page: 2,
    prev_page: 1,
    next_page: 3,
    total_pages: 3,
    total_count: 21,
  });
});
