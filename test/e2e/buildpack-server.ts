// A server of buildpacks by URL: git repositories and archives. An app's second buildpack needs a variable that the first one exports.

import { once } from "node:events";
import { mkdtempDisposable, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cutServer, gitServer, packTarGz, TestRepository } from "@slipway/testkit";
import { answering } from "./apps.ts";

export interface BuildpackServer extends AsyncDisposable {
  /** Revision of the tag v1 of tool.git. */
  readonly toolRevision: string;
}

/** Creates a tool, which uses a file of a submodule, and exports the tool's path. */
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
/** Serves the content of the exported file. */
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
/** Serves the files that the detection of the operator's catalogue looks for. */
const words = {
  ...server,
  "bin/detect": "#!/bin/sh\necho Words\n",
  "bin/compile": '#!/bin/bash\ncat "$1"/*.words >"$1/page"; echo "stack $STACK"\n',
};

/**
 * Serves /tool.git with the tag v1, /server.tgz, and the same buildpack as /words.git and /words.tgz. /broken.git is not a buildpack, and a
 * part of /damaged.git is missing.
 */
export async function serveBuildpacks(port: number): Promise<BuildpackServer> {
  await using opened = new AsyncDisposableStack();
  const root = opened.use(await mkdtempDisposable(join(tmpdir(), "slipway-buildpacks-test-"))).path;
  const toolRevision = await createRepositories(root);
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
  opened.defer(() => cutServer(git));
  await once(git.listen(port, "127.0.0.1"), "listening");
  const resources = opened.move();
  return { toolRevision, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

async function createRepositories(root: string): Promise<string> {
  const greeting = await TestRepository.create(join(root, "greeting.git"));
  await greeting.commit({ greeting: "hello from " });
  const first = await TestRepository.create(join(root, "tool.git"));
  await first.commit(tool);
  await first.git("submodule", "--quiet", "add", greeting.folder, "vendor/greeting");
  await first.git("config", "--file=.gitmodules", "submodule.vendor/greeting.url", "../greeting.git");
  const revision = await first.commit({});
  await first.git("tag", "v1");
  await first.commit({ "bin/compile": "#!/bin/bash\necho the branch moved on\nexit 1\n" });
  const broken = await TestRepository.create(join(root, "broken.git"));
  await broken.commit({ README: "" });
  await (await TestRepository.create(join(root, "words.git"))).commit(words);
  const damaged = await TestRepository.create(join(root, "damaged.git"));
  await damaged.commit(words);
  const content = await damaged.git("rev-parse", "HEAD:bin/compile");
  await rm(join(damaged.folder, ".git/objects", content.slice(0, 2), content.slice(2)));
  return revision;
}

function archiveOf(scripts: Readonly<Record<string, string>>): Promise<Buffer> {
  const entries = Object.entries(scripts).map(
    ([name, content]) => [`pack-1/${name}`, { mode: 0o755, content }] as const,
  );
  return packTarGz(Object.fromEntries(entries));
}
