// Apps built by buildpacks that the user names by URL: git repositories and an archive, from a server of the test.

import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { packTarGz } from "@slipway/testkit";
import { servePl } from "./apps.ts";
import { serveBuildpacks } from "./buildpack-server.ts";
import { call, createApp, deployed, logOf, page } from "./slipway.ts";

const base = `http://127.0.0.1:${inject("buildpackPort")}`;
const served = new AsyncDisposableStack();
let firstRevision: string;

const app = { "app/app.txt": "the app, ", "app/serve.pl": servePl };

beforeAll(async () => {
  const buildpacks = served.use(await serveBuildpacks(inject("buildpackPort")));
  firstRevision = buildpacks.toolRevision;
});
afterAll(() => served.disposeAsync());

test("two buildpacks of .buildpacks build an app, the second with what the first exports", async () => {
  const { name } = await createApp("packs");
  await call("PUT", `/v1/apps/${name}/variables`, { variables: [{ name: "SAID", value: "said" }] });
  const source = await packTarGz({
    ...app,
    "app/package.json": "{",
    "app/.buildpacks": `# comment\n${base}/tool.git#v1\n${base}/server.tgz\n`,
  });
  const log = await logOf(name, source, "success");
  expect(log).toContain(`-----> Fetching the buildpack tool from ${base}/tool.git#v1`);
  expect(log).toContain(`Revision ${firstRevision}`);
  expect(log).toMatch(/Fetching the buildpack server from .*server\.tgz\n.*Revision sha256:[0-9a-f]{64}/);
  expect(log).toContain("-----> Tool app detected");
  expect(log).toContain("built before: never");
  expect(await page(name)).toBe("hello from the app, said profiled default");
  expect(await logOf(name, source, "success")).toContain("built before: once");
});

test("BUILDPACK_URL names a repository or an archive, which builds the app alone", async () => {
  const { name } = await createApp("one-pack");
  const source = await packTarGz({ "app/my.words": "by its URL", "app/serve.pl": servePl });
  for (const pack of ["words.git", "words.tgz"]) {
    const variables = [{ name: "BUILDPACK_URL", value: `${base}/${pack}` }];
    await call("PUT", `/v1/apps/${name}/variables`, { variables });
    const log = await logOf(name, source, "success");
    expect(log).toContain("Building with buildpacks, because BUILDPACK_URL is set");
    expect(log).toContain(`-----> Fetching the buildpack words from ${base}/${pack}`);
    expect(await page(name)).toMatch(/^by its URL/);
  }
});

test("a buildpack that cannot be fetched or used fails the build with the reason", async () => {
  const { name } = await createApp("refused");
  const refused = async (url: string) => {
    await call("PUT", `/v1/apps/${name}/variables`, { variables: [{ name: "BUILDPACK_URL", value: url }] });
    const { deployment, log } = await deployed(name, await packTarGz(app));
    return [deployment.status, log];
  };
  const says = (message: string) => ["build-error", expect.stringContaining(message)];
  expect(await refused(`${base}/tool.git#gone`)).toEqual(
    says(
      `The buildpack ${base}/tool.git#gone cannot be fetched: the repository has no branch or tag named gone`,
    ),
  );
  expect(await refused(`${base}/missing.git`)).toEqual(says("there is no git repository at this URL"));
  expect(await refused(`${base}/broken.git`)).toEqual(says("The buildpack broken has no bin/detect."));
  expect(await refused(`${base}/damaged.git`)).toEqual(says("the server did not send all of it"));
  expect(await refused(`${base}/tool.git`)).toEqual(says("the branch moved on"));
});

test("a buildpack of the operator's catalogue is chosen by the source's files, or by its name on its stack", async () => {
  const { name } = await createApp("catalogue");
  const source = await packTarGz({ "app/my.words": "by the catalogue", "app/serve.pl": servePl });
  const detected = await logOf(name, source, "success");
  expect(detected).toContain(
    "Building with buildpacks, because the buildpack words of the operator's catalogue looks for my.words",
  );
  expect(detected).toContain(`-----> Fetching the buildpack words from ${base}/words.tgz`);
  expect(await page(name)).toMatch(/^by the catalogue/);

  const variables = [{ name: "BUILDPACK_NAME", value: "words-of-second" }];
  await call("PUT", `/v1/apps/${name}/variables`, { variables });
  expect(await logOf(name, source, "build-error")).toContain(
    "buildpack words-of-second of the operator's catalogue needs the stack second",
  );
  await call("PATCH", `/v1/apps/${name}`, { app: { stack_id: "second" } });
  expect(await logOf(name, source, "success")).toContain("stack second");
  await call("PUT", `/v1/apps/${name}/variables`, {
    variables: [{ name: "BUILDPACK_NAME", value: "cobol" }],
  });
  expect(await logOf(name, source, "build-error")).toContain("static, words, words-of-second, or remove it");
});
