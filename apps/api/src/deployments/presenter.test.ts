import { describe, expect, test } from "vitest";
import { deploymentBody } from "@slipway/protocol";
import { durationSeconds, queuedDeployment } from "@slipway/core";
import { aNewDeployment, stepsTo, testTime } from "@slipway/testkit";
import { presentDeployment } from "./presenter.ts";

const apiUrl = "http://127.0.0.1:4100";

describe("a deployment", () => {
  const queued = queuedDeployment(
    aNewDeployment({ source: { kind: "url", url: "https://user:hunter2@example.com/a.tar.gz" } }),
    1,
  );

  test("a deployment that is queued has all documented fields, without its source", () => {
    const body = presentDeployment(queued, apiUrl);
    expect(deploymentBody.strict().parse(body)).toEqual(body);
    expect(body).toMatchObject({ status: "queued", duration: 0, finished_at: null, image: null });
    expect(body.links.output).toBe(
      `http://127.0.0.1:4100/v1/apps/${queued.appId}/deployments/${queued.id}/output`,
    );
    expect(JSON.stringify(body)).not.toContain("hunter2");
  });

  test("a deployment shows registry and image separately, its size in bytes, and its duration in whole seconds", () => {
    const done = stepsTo(queued, "success", new Date(testTime.getTime() + 1_499)).at(-1) ?? queued;
    const finished = {
      ...done,
      startedAt: testTime,
      image: "127.0.0.1:5000/apps/a1@sha256:abc",
      imageSizeBytes: 12,
    };
    expect(presentDeployment(finished, apiUrl)).toMatchObject({
      status: "success",
      registry: "127.0.0.1:5000",
      image: "apps/a1@sha256:abc",
      image_size: 12,
      duration: durationSeconds(finished),
      finished_at: "2026-03-04T05:06:08.588Z",
      failure: null,
    });
    const elsewhere = { ...finished, image: "library/a1:latest" };
    expect(presentDeployment(elsewhere, apiUrl)).toMatchObject({
      registry: null,
      image: "library/a1:latest",
    });
  });
});
