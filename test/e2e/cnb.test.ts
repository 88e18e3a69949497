// Cloud Native Buildpacks with a builder image whose lifecycle is a replacement. It checks the environment that the platform provides.

import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { connectDocker, findContainers } from "@slipway/docker";
import { statementOf } from "@slipway/receipts";
import type { Envelope } from "@slipway/receipts";
import { packTarGz, testEngine } from "@slipway/testkit";
import { label } from "@slipway/core";
import { servePl } from "./apps.ts";
import { descriptorOf, makeBuilderImage } from "./cnb/builder-image.ts";
import { call, createApp, deployed, ended, logOf, output, page, requestApi, upload } from "./slipway.ts";
import type { DeploymentJson } from "./slipway.ts";

const { dockerHost } = await testEngine();
const { docker, ...connection } = connectDocker({ dockerHost });
const builder = inject("cnbBuilder");

const descriptor = descriptorOf("hello from the descriptor");
const source = (files: Readonly<Record<string, string>> = {}) =>
  packTarGz({ "app/project.toml": descriptor, "app/serve.pl": servePl, ...files });

beforeAll(async () => {
  const { run, build } = inject("stack");
  await makeBuilderImage(docker, { name: builder, run, build });
});
afterAll(async () => {
  await docker.getImage(builder).remove({ force: true });
  connection[Symbol.dispose]();
});

test("a project.toml is built by the operator's builder image, and later builds reuse its cache and its image", async () => {
  const app = await createApp("cnb");
  const variables = [
    { name: "BP_SECOND", value: "two of the app\nand more" },
    { name: "CNB_PLATFORM_API", value: "0.1" },
  ];
  await call("PUT", `/v1/apps/${app.name}/variables`, { variables });
  const first = await deployed(app.name, await source());
  expect(first.log).toContain("Building with cnb, because there is a project.toml");
  expect(first.log).toContain("lifecycle 0.19.0, platform API 0.13");
  expect(first.log).toMatch(
    /===> ANALYZING\n===> DETECTING\n===> RESTORING\nThe cache is of build 0\n===> BUILDING/,
  );
  expect(first.log).toContain(
    "BP_GREETING is hello from the descriptor\nBP_SECOND is two of the app\nand more\n",
  );
  expect(first.log).toContain("CNB_PLATFORM_API is not passed to the build");
  expect(first.log).toContain("-----> Buildpacks: example/perl@1.2.3\n");
  expect(first.deployment.status).toBe("success");
  const receipt = `/v1/apps/${app.name}/deployments/${first.deployment.id}/receipt`;
  const { predicate } = statementOf(await call<Envelope>("GET", receipt));
  expect(predicate.buildDefinition.resolvedDependencies[1]?.annotations).toEqual({
    buildpack: "example/perl@1.2.3",
  });
  const { releases } = await call<{ releases: { image: string }[] }>("GET", `/v1/apps/${app.name}/releases`);
  expect(await annotationsOf(releases[0]?.image ?? "")).toEqual({
    "org.opencontainers.image.created": expect.stringMatching(/^\d{4}-.*Z$/),
  });
  expect(await page(app.name)).toBe("of the stand-in, hello from the descriptor, 1001");

  const hook = 'echo "the hook has $FROM_LAYER in $PWD"';
  const deployment = { source_url: await upload(await source()), git_ref: null, postdeploy_hook: hook };
  const made = await call<{ deployment: DeploymentJson }>("POST", `/v1/apps/${app.name}/deployments`, {
    deployment,
  });
  expect((await ended(app.name, made.deployment.id)).status).toBe("success");
  const second = await output(app.name, made.deployment.id);
  expect(second).toContain("Restoring data from the previous image sha256:");
  expect(second).toContain("The cache is of build 1");
  expect(second).toContain("the hook has hello from the descriptor in /workspace");

  await (await requestApi("DELETE", `/v1/apps/${app.name}/caches/deployment`)).text();
  expect(await logOf(app.name, await source(), "success")).toContain("The cache is of build 0");
  expect(await findContainers(docker, { [label.app]: app.id, [label.kind]: "build-companion" })).toEqual([]);
});

test("the exit code of the lifecycle decides whether the user or the platform failed", async () => {
  const app = await createApp("cnb");
  const undetected = await packTarGz({ "app/project.toml": descriptor, "app/main.c": "" });
  expect(await logOf(app.name, undetected, "build-error")).toContain("No buildpack of");
  expect(await logOf(app.name, await source({ "app/mode": "fail" }), "build-error")).toContain(
    "A buildpack failed",
  );
  const noWeb = await logOf(app.name, await source({ "app/mode": "no-web" }), "aborted");
  expect(noWeb).toContain("The image has no process type web and no default one: it has worker.");
});

test("a build reaches its app's images and its run image only", async () => {
  const app = await createApp("cnb");
  const log = await logOf(app.name, await source({ "app/mode": "hostile" }), "success");
  expect(log.match(/: 403\n/g)?.length).toBe(11);
});

test("an app may not name an image of the installation as its builder", async () => {
  const app = await createApp("cnb");
  await call("PATCH", `/v1/apps/${app.name}`, {
    app: { builder: "cnb", builder_image: inject("stack").build },
  });
  expect(await logOf(app.name, await source(), "build-error")).toContain("is not a builder image");
  await call("PATCH", `/v1/apps/${app.name}`, { app: { builder_image: "slipway-something:1" } });
  expect(await logOf(app.name, await source(), "build-error")).toContain("is an image of this installation");
});

/** The annotations of an image's manifest in the registry. */
async function annotationsOf(image: string): Promise<object> {
  const [, repository = "", digest = ""] = /^[^/]+\/(.+)@(.+)$/.exec(image) ?? [];
  const { username, password, origin } = new URL(inject("stack").registryUrl);
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
  const accept = "application/vnd.oci.image.manifest.v1+json";
  const answer = await fetch(`${origin}/v2/${repository}/manifests/${digest}`, {
    headers: { accept, authorization },
  });
  return ((await answer.json()) as { annotations: object }).annotations;
}
