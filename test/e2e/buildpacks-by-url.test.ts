// Apps built by buildpacks that the user names by URL: git repositories and an archive, from a server of the test.

import { once } from "node:events";
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { cutServer, gitServer, packTarGz, TestRepository } from "@slipway/testkit";
import { answering, servePl } from "./apps.ts";
import { call, createApp, deployed, logOf, page } from "./slipway.ts";

const base = `http://127.0.0.1:${inject("buildpackPort")}`;
const served = new AsyncDisposableStack();
let first: TestRepository;
let firstRevision: string;

/** Makes a tool, with a submodule's help, and exports where it is. */
const tool = {
  "bin/detect": "#!/bin/sh\necho Tool\n",
  "bin/compile": `#!/bin/bash
mkdir -p "$1/tools" "$1/.profile.d" "$2"
cp vendor/greeting/greeting "$1/tools/greeting"
echo "built before: $(cat "$2/count" 2>/dev/null || echo never)"
echo once >"$2/count"
echo "export GREETING_FILE=$1/tools/greeting" >export
echo 'export PROFILE=profiled' >"$1/.profile.d/tool.sh"
`,
  "bin/release": "#!/bin/sh\necho 'config_vars: {FROM_FIRST: default}'\n",
};
/** Serves what the exported file says. */
const server = {
  "bin/detect": '#!/bin/bash\n[ -f "$1/app.txt" ] && echo Server\n',
  "bin/compile": '#!/bin/bash\ncat "$GREETING_FILE" "$1/app.txt" "$3/SAID" >"$1/page"\n',
  "bin/release": `#!/bin/bash
cat <<'YAML'
---
addons: []
default_process_types:
  web: ${JSON.stringify(answering("$(cat page) $PROFILE $FROM_FIRST"))}
YAML
`,
};
/** Serves the files that the operator's catalogue looks for. */
const words = {
  ...server,
  "bin/detect": "#!/bin/sh\necho Words\n",
  "bin/compile": '#!/bin/bash\ncat "$1"/*.words >"$1/page"; echo "stack $STACK"\n',
};
const app = { "app/app.txt": "the app, ", "app/serve.pl": servePl };

beforeAll(async () => {
  const root = served.use(await mkdtempDisposable(join(tmpdir(), "slipway-buildpacks-test-"))).path;
  const greeting = await TestRepository.create(join(root, "greeting.git"));
  await greeting.commit({ greeting: "hello from " });
  first = await TestRepository.create(join(root, "tool.git"));
  await first.commit(tool);
  await first.git("submodule", "--quiet", "add", greeting.folder, "vendor/greeting");
  await first.git("config", "--file=.gitmodules", "submodule.vendor/greeting.url", "../greeting.git");
  firstRevision = await first.commit({});
  await first.git("tag", "v1");
  await first.commit({ "bin/compile": "#!/bin/bash\necho the branch moved on\nexit 1\n" });
  const broken = await TestRepository.create(join(root, "broken.git"));
  await broken.commit({ README: "" });
  const archives = new Map([
    ["/server.tgz", await archiveOf(server)],
    ["/words.tgz", await archiveOf(words)],
  ]);
  const git = gitServer(root, (request, response) => {
    const archive = archives.get(request.url ?? "");
    if (archive === undefined) return false;
    response.end(archive);
    return true;
  });
  served.defer(() => cutServer(git));
  await once(git.listen(inject("buildpackPort"), "127.0.0.1"), "listening");
});
afterAll(() => served.disposeAsync());

function archiveOf(scripts: Readonly<Record<string, string>>): Promise<Buffer> {
  const entries = Object.entries(scripts).map(
    ([name, content]) => [`pack-1/${name}`, { mode: 0o755, content }] as const,
  );
  return packTarGz(Object.fromEntries(entries));
}

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
