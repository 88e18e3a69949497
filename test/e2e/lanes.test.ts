// An app's deployments run one at a time and in order, while another app's deployments run beside them.

import { expect, test } from "vitest";
import { packTarGz } from "@slipway/testkit";
import { answering, inlineApp } from "./apps.ts";
import { call, createApp, deploy, deployUrl, ended, page, upload } from "./slipway.ts";
import type { DeploymentJson } from "./slipway.ts";

const count = 10;

test("ten deployments of an app run one by one in order, and another app's runs beside them", async () => {
  const app = await createApp("lane");
  const other = await createApp("beside");
  const source = await upload(await packTarGz(inlineApp("sleep 0.2", answering("lane"))));
  const posted = await Promise.all(
    Array.from({ length: count }, (_, index) => deployUrl(app.name, source, `v${index}`)),
  );
  const beside = await deploy(other.name, await packTarGz(inlineApp("true", answering("beside"))));

  const besideEnd = await ended(other.name, beside.id);
  const ends = await Promise.all(posted.map(({ id }) => ended(app.name, id)));
  expect(besideEnd.status).toBe("success");
  expect(ends.map(({ status }) => status)).toEqual(Array.from({ length: count }, () => "success"));

  // Newest first: the reverse of the order in which the deployments were accepted.
  const { deployments: listed } = await call<{ deployments: DeploymentJson[] }>(
    "GET",
    `/v1/apps/${app.name}/deployments?per_page=${count}`,
  );
  const inOrder = ends.toSorted((a, b) => finished(a) - finished(b));
  expect(inOrder.map(({ id }) => id)).toEqual(listed.map(({ id }) => id).toReversed());
  // Each deployment began only after its predecessor had ended: its previous git ref is the predecessor's ref.
  expect(inOrder.slice(1).map((end) => end.previous_git_ref)).toEqual(
    inOrder.slice(0, -1).map((end) => end.git_ref),
  );
  expect(finished(besideEnd)).toBeLessThan(finished(inOrder.at(-1) as DeploymentJson));
  expect(await page(app.name)).toBe("lane");
});

function finished(deployment: DeploymentJson): number {
  return Date.parse(deployment.finished_at ?? "");
}
