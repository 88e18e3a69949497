// Images of releases that are not kept are removed from the registry and the engine; images that a kept release shares stay.

import Docker from "dockerode";
import { expect, test } from "vitest";
import { eventually, packTarGz } from "@slipway/testkit";
import { answering, inlineApp } from "./apps.ts";
import { call, createApp, deployed, ended, output, page } from "./slipway.ts";
import type { DeploymentJson } from "./slipway.ts";

interface ReleaseJson {
  readonly number: number;
  readonly image: string;
}

test("the last three releases can be deployed again, and one before them whose image they share", async () => {
  const app = await createApp("old");
  const source = (text: string) => packTarGz(inlineApp("true", answering(text)));
  for (const text of ["a", "b", "a", "c", "d"]) {
    expect((await deployed(app.name, await source(text))).deployment.status).toBe("success");
  }
  const again = async (release: number) => {
    const body = { deployment: { release } };
    const path = `/v1/apps/${app.name}/deployments`;
    const { deployment } = await call<{ deployment: DeploymentJson }>("POST", path, body);
    const { status } = await ended(app.name, deployment.id);
    return { status, log: await output(app.name, deployment.id) };
  };
  const { releases } = await call<{ releases: ReleaseJson[] }>("GET", `/v1/apps/${app.name}/releases`);
  const imageOf = (wanted: number) => releases.find(({ number }) => number === wanted)?.image ?? "";
  const kept = [imageOf(3), imageOf(4), imageOf(5)].toSorted();
  await eventually(async () => (await pulledImages(imageOf(1))).join() === kept.join());
  const second = await again(2);
  expect(second.status).not.toBe("success");
  expect(second.log).toContain("image of release v2 is no longer kept");
  expect(await page(app.name)).toBe("d");
  expect(imageOf(1)).toBe(imageOf(3));

  expect((await again(1)).status).toBe("success");
  expect(await page(app.name)).toBe("a");
});

/** References, by digest, of the engine's images of the same repository. */
async function pulledImages(image: string): Promise<string[]> {
  const repository = image.slice(0, image.indexOf("@"));
  const found = await new Docker().listImages({ filters: { reference: [repository] } });
  return found.flatMap(({ RepoDigests: named }) => named ?? []).toSorted();
}
