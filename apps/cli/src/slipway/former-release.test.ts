import { expect, test } from "vitest";
import type { DeploymentStatus } from "@slipway/core";
import type { ApiClient } from "../client/api-client.ts";
import { aDeploymentBody } from "../../test-support/bodies.ts";
import { formerRelease } from "./former-release.ts";

/** An API whose app has these releases, from the first one; the last one is current. */
function apiWith(...statuses: DeploymentStatus[]): Pick<ApiClient, "get" | "find"> {
  const release = (_status: DeploymentStatus, at: number) => ({
    id: `r${at}`,
    app_id: "a",
    number: at + 1,
    deployment_id: String(at),
    image: "image",
    git_ref: null,
    created_at: "2026-01-01T00:00:00.000Z",
    current: at === statuses.length - 1,
  });
  const deployment = (id: string) => aDeploymentBody({ id, status: statuses[Number(id)] ?? "queued" });
  return {
    get: async (_path, schema) => schema.parse({ releases: statuses.map(release).toReversed() }),
    find: async (path, schema) => schema.parse({ deployment: deployment(path.split("/").at(-1) ?? "") }),
  };
}

test("a rollback goes to the release before the current one that has served", async () => {
  expect(await formerRelease(apiWith("success", "success", "success"), "a")).toBe(2);
  const failed = apiWith("success", "crashed-error", "aborted", "timeout-error", "success");
  expect(await formerRelease(failed, "a")).toBe(1);
});

test("a rollback is refused when no earlier release has served", async () => {
  await expect(formerRelease(apiWith("crashed-error", "success"), "a")).rejects.toThrow("No earlier release");
  await expect(formerRelease(apiWith("success"), "a")).rejects.toThrow("No earlier release");
});
