// Fetches from a real git server. The hostile repositories are also real ones.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempDisposable, readdir, rm, writeFile } from "node:fs/promises";
import { createReadStream, existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AddressInfo } from "node:net";
import { checkedEntries } from "@slipway/archive";
import { parseBuildpackUrl } from "@slipway/buildpacks";
import {
  cutServer,
  freePort,
  gitServer,
  packTarGz,
  refusal,
  TestRepository,
  unexpected,
} from "@slipway/testkit";
import type { RepositoryFiles } from "@slipway/testkit";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openRemoteBuildpacks } from "./remote-buildpacks.ts";
import type { FetchedBuildpack, RemoteBuildpacks, RemoteBuildpacksOptions } from "./remote-buildpacks.ts";

const files = { "bin/detect": "#!/bin/sh\n", "bin/compile": "#!/bin/sh\n" };
const limits = { maxUnpackedBytes: 8 * 1024 ** 2, maxEntries: 1000 };
const { signal } = new AbortController();
let opened: AsyncDisposableStack;
let root: string;
let base: string;
/** The requested paths. */
let requested: string[];
/** Handles a request before git does. */
let route: Parameters<typeof gitServer>[1];
let remote: RemoteBuildpacks;

beforeEach(async () => {
  opened = new AsyncDisposableStack();
  root = opened.use(await mkdtempDisposable(join(tmpdir(), "slipway-git-"))).path;
  requested = [];
  route = undefined;
  const server = gitServer(root, (request, response) => {
    requested.push(request.url ?? "");
    return route?.(request, response) ?? false;
  });
  opened.defer(() => cutServer(server));
  await once(server.listen(0, "127.0.0.1"), "listening");
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  remote = await open();
});
afterEach(() => opened.disposeAsync());

async function open(changes: Partial<RemoteBuildpacksOptions> = {}): Promise<RemoteBuildpacks> {
  const temporary = opened.use(await mkdtempDisposable(join(tmpdir(), "slipway-test-")));
  const options = {
    temporaryFolder: temporary.path,
    allowedPrivateHosts: [new URL(base).host],
    mirrors: [],
    limits,
    timeoutMs: 60_000,
    onError: unexpected,
    ...changes,
  };
  return openRemoteBuildpacks(options);
}

async function repository(name: string, content: RepositoryFiles): Promise<TestRepository> {
  const made = await TestRepository.create(join(root, `${name}.git`));
  await made.commit(content);
  return made;
}

async function fetched(url: string, from = remote): Promise<FetchedBuildpack> {
  return opened.use(await from.fetch(parseBuildpackUrl(url, "BUILDPACK_URL"), signal));
}

async function namesOf({ parts }: FetchedBuildpack): Promise<string[]> {
  const names: string[] = [];
  for (const { path, file } of parts)
    for await (const entry of checkedEntries(createReadStream(file), limits, (_path, to) => to, "flat"))
      if (entry.kind !== "directory") names.push(join(path, entry.path));
  return names.sort();
}

describe("git", () => {
  test("a branch, a tag, a revision and the default branch are fetched with the revision that they name", async () => {
    const made = await repository("pack", files);
    const first = await made.git("rev-parse", "HEAD");
    await made.git("tag", "--annotate", "--message=1", "v1");
    await made.git("branch", "feature/x");
    const second = await made.commit({ "lib/more": "x" });
    const revisions = ["v1", "feature/x", first, "main"].map(async (ref) => {
      const pack = await fetched(`${base}/pack.git#${ref}`);
      return [pack.revision, await namesOf(pack)];
    });
    const old = ["bin/compile", "bin/detect"];
    expect(await Promise.all(revisions)).toEqual([
      [first, old],
      [first, old],
      [first, old],
      [second, [...old, "lib/more"]],
    ]);
    expect(await fetched(`${base}/pack.git`)).toMatchObject({
      name: "pack",
      url: `${base}/pack.git`,
      revision: second,
      layout: "flat",
    });
  });

  test("a buildpack that cannot be kept is fetched nevertheless, and each time", async () => {
    await repository("pack", files);
    await using temporary = await mkdtempDisposable(join(tmpdir(), "slipway-test-"));
    const messages: string[] = [];
    const onError = (_error: unknown, message: string) => messages.push(message);
    const own = await open({ temporaryFolder: temporary.path, onError });
    const cache = join(temporary.path, "buildpacks", "cache");
    await rm(cache, { recursive: true });
    await writeFile(cache, "not a folder");
    for (const count of [1, 2]) {
      await using pack = await own.fetch(parseBuildpackUrl(`${base}/pack.git`, "x"), signal);
      expect(pack.parts).not.toEqual([]);
      expect(messages).toHaveLength(count);
    }
    expect(messages[0]).toBe("cannot keep a buildpack");
  });

  test("a revision that was fetched before is not fetched again, and a branch only resolved", async () => {
    const made = await repository("pack", files);
    const revision = await made.git("rev-parse", "HEAD");
    const pack = await fetched(`${base}/pack.git`);
    requested = [];
    expect(await namesOf(await fetched(`${base}/pack.git#${revision}`))).toEqual(await namesOf(pack));
    expect(requested).toEqual([]);
    await fetched(`${base}/pack.git#main`);
    expect(requested).toHaveLength(2);
    await made.commit({ "lib/new": "" });
    expect(await namesOf(await fetched(`${base}/pack.git#main`))).toContain("lib/new");
  });

  test("files that the repository excludes from archives are part of the buildpack, and hooks are not run", async () => {
    const made = await repository("pack", { ...files, ".gitattributes": "lib export-ignore\n", "lib/a": "" });
    const hook = join(made.folder, ".git/hooks/post-checkout");
    await writeFile(hook, `#!/bin/sh\ntouch ${root}/hooked\n`, { mode: 0o755 });
    expect(await namesOf(await fetched(`${base}/pack.git`))).toContain("lib/a");
    expect(existsSync(`${root}/hooked`)).toBe(false);
  });

  test("submodules are fetched at their revisions, also by a relative URL and within each other", async () => {
    const inner = await repository("inner", { c: "" });
    const outer = await repository("outer", { b: "" });
    await outer.git("submodule", "--quiet", "add", inner.folder, "deep");
    await outer.git("config", "--file=.gitmodules", "submodule.deep.url", `${base}/inner.git`);
    await outer.commit({});
    const made = await repository("pack", files);
    await made.git("submodule", "--quiet", "add", outer.folder, "vendor/outer");
    await made.git("config", "--file=.gitmodules", "submodule.vendor/outer.url", "../outer.git");
    await made.commit({});
    await outer.commit({ later: "" });
    expect(await namesOf(await fetched(`${base}/pack.git`))).toEqual([
      ".gitmodules",
      "bin/compile",
      "bin/detect",
      "vendor/outer/.gitmodules",
      "vendor/outer/b",
      "vendor/outer/deep/c",
    ]);
  });

  test.each([
    ["a file", "file:///etc", "the URL of its submodule x is not the URL of a buildpack"],
    ["a path", "/etc", "the URL of its submodule x is not the URL of a buildpack"],
    ["a command", "ext::sh -c touch% /tmp/x", "the URL of its submodule x is not the URL of a buildpack"],
    ["an option", "--upload-pack=touch /tmp/x", "the URL of its submodule x is not the URL of a buildpack"],
    ["a private host", "http://169.254.169.254/x.git", "169.254.169.254 is not on the public internet"],
  ])("a submodule with the URL of %s is refused", async (_of, url, message) => {
    const inner = await repository("inner", { c: "" });
    const made = await repository("pack", files);
    await made.git("submodule", "--quiet", "add", inner.folder, "x");
    await made.git("config", "--file=.gitmodules", "submodule.x.url", url);
    await made.commit({});
    expect(await refusal(fetched(`${base}/pack.git`))).toContain(message);
  });

  test("a repository that is its own submodule is refused", async () => {
    const made = await repository("pack", files);
    await made.git("submodule", "--quiet", "add", made.folder, "x");
    await made.git("config", "--file=.gitmodules", "submodule.x.url", `${base}/pack.git`);
    let revision = await made.commit({});
    for (let depth = 0; depth < 6; depth += 1) {
      await made.git("update-index", "--cacheinfo", `160000,${revision},x`);
      await made.git("commit", "--quiet", "--message=deeper");
      revision = await made.git("rev-parse", "HEAD");
    }
    expect(await refusal(fetched(`${base}/pack.git`))).toContain(
      "it has more than 30 submodules, or ones below",
    );
  });

  test.each([
    [
      "a link out of it",
      { lib: { link: "../../etc/passwd" } },
      'The archive\'s entry "lib" is a symbolic link to',
    ],
    ["a file that is too large", { lib: "0".repeat(9 * 1024 ** 2) }, "the repository is too large"],
    [
      "too many files",
      Object.fromEntries(Array.from({ length: 1100 }, (_, index) => [`lib/${index}`, ""])),
      "The archive contains more than 1000 files",
    ],
  ])("a repository with %s is refused", async (_with, hostile: RepositoryFiles, message) => {
    await repository("pack", { ...files, ...hostile });
    const refused = await refusal(fetched(`${base}/pack.git`));
    expect(refused).toContain(`no-buildpack: The buildpack ${base}/pack.git cannot be fetched: `);
    expect(refused).toContain(message);
  });

  test("a server that sends more than the limit is cut off", async () => {
    route = (request, response) => {
      if (!request.url?.includes("info/refs")) return false;
      response.writeHead(200, { "content-type": "application/x-git-upload-pack-advertisement" });
      const send = () => {
        while (response.write(Buffer.alloc(64 * 1024, "0")));
        response.once("drain", send);
      };
      send();
      return true;
    };
    expect(await refusal(fetched(`${base}/pack.git`))).toContain("The servers sent more than 8 MiB");
  });

  test.each([
    ["a missing repository", "missing.git", "there is no git repository at this URL"],
    ["a missing branch", "pack.git#gone", "the repository has no branch or tag named gone. Correct"],
    ["a short revision", "pack.git#abcdef1", "A revision needs all of its 40 digits"],
    ["a missing revision", `pack.git#${"ab".repeat(20)}`, "the repository has no such revision"],
  ])("%s is explained", async (_what, path, message) => {
    await repository("pack", files);
    expect(await refusal(fetched(`${base}/${path}`))).toContain(message);
  });

  test("an empty repository is explained", async () => {
    await TestRepository.create(join(root, "empty.git"));
    expect(await refusal(fetched(`${base}/empty.git`))).toContain("the repository is empty");
  });

  test("a repository that lacks a part of its content is explained", async () => {
    const made = await repository("pack", files);
    const content = await made.git("rev-parse", "HEAD:bin/detect");
    await rm(join(made.folder, ".git/objects", content.slice(0, 2), content.slice(2)));
    expect(await refusal(fetched(`${base}/pack.git`))).toContain("the server did not send all of it");
  });

  test("a server that requires authentication is explained, and gets the credentials of the URL", async () => {
    await repository("pack", files);
    route = (request, response) => {
      if (request.headers.authorization === `Basic ${Buffer.from("me:secret").toString("base64")}`)
        return false;
      response.writeHead(401, { "www-authenticate": 'Basic realm="git"' }).end();
      return true;
    };
    expect(await refusal(fetched(`${base}/pack.git`))).toContain("the server requires authentication");
    const withPassword = `${base.replace("://", "://me:secret@")}/pack.git`;
    const wrong = withPassword.replace("secret", "wrong");
    expect(await refusal(fetched(wrong))).not.toContain("wrong");
    expect(await fetched(withPassword)).toMatchObject({ url: `${base}/pack.git` });
  });

  test.each([
    ["a private address", "http://10.0.0.1/x.git", "10.0.0.1 is not on the public internet"],
    ["the loopback address by name", "https://localhost/x.git", "localhost is not on the public internet"],
    ["a private address over git", "git://10.0.0.1/x.git", "10.0.0.1:9418 is not on the public internet"],
    ["a host that does not exist", "https://missing.invalid/x.git", "missing.invalid cannot be"],
  ])("%s is refused", async (_what, url, message) => {
    expect(await refusal(fetched(url))).toContain(message);
  });

  test("a redirect to a private address is refused", async () => {
    route = (_request, response) => {
      response
        .writeHead(302, { location: "http://169.254.169.254/x.git/info/refs?service=git-upload-pack" })
        .end();
      return true;
    };
    expect(await refusal(fetched(`${base}/x.git`))).toContain(
      "169.254.169.254 is not on the public internet",
    );
  });

  test("a repository is fetched over git's own protocol", async () => {
    await repository("pack", files);
    const port = await freePort();
    const daemon = spawn("git", [
      "daemon",
      "--verbose",
      "--export-all",
      "--informative-errors",
      "--listen=127.0.0.1",
      `--port=${port}`,
      `--base-path=${root}`,
    ]);
    opened.defer(() => void daemon.kill());
    await once(daemon.stderr, "data");
    const own = await open({ allowedPrivateHosts: [`127.0.0.1:${port}`] });
    expect(await namesOf(await fetched(`git://127.0.0.1:${port}/pack.git`, own))).toContain("bin/compile");
    expect(await refusal(fetched(`git://127.0.0.1:${port}/gone.git`, own))).toContain(
      "there is no git repository",
    );
  });

  test("a mirror is fetched instead, and receives no credentials", async () => {
    await repository("pack", files);
    const mirrored = await open({
      mirrors: [{ prefix: "https://git.test/owner/", replacement: `${base}/` }],
    });
    let authorization: string | undefined;
    route = ({ headers }) => {
      authorization ??= headers.authorization;
      return false;
    };
    const pack = await fetched("https://me:secret@git.test/owner/pack.git", mirrored);
    expect(pack.url).toBe("https://git.test/owner/pack.git");
    expect(authorization).toBeUndefined();
  });

  test("nothing is left of a fetch once it is disposed of, and an abort ends it", async () => {
    await repository("pack", files);
    await using temporary = await mkdtempDisposable(join(tmpdir(), "slipway-test-"));
    const own = await open({ temporaryFolder: temporary.path });
    const filesNow = async () => (await readdir(join(temporary.path, "buildpacks"))).toSorted();
    const before = await filesNow();
    await (await own.fetch(parseBuildpackUrl(`${base}/pack.git`, "x"), signal))[Symbol.asyncDispose]();
    const controller = new AbortController();
    route = () => {
      controller.abort(new Error("enough"));
      return true;
    };
    const aborted = own.fetch(parseBuildpackUrl(`${base}/pack.git`, "x"), controller.signal);
    await expect(aborted).rejects.toThrow("enough");
    expect(await filesNow()).toEqual(before);
  });
});

describe("archives", () => {
  const serve = (body: Uint8Array, status = 200) => {
    route = (_request, response) => {
      response.writeHead(status).end(body);
      return true;
    };
  };

  test("an archive is fetched, and its revision is its SHA-256", async () => {
    serve(await packTarGz({ "pack/bin/compile": "x", "pack/bin/detect": "x" }));
    const pack = await fetched(`${base}/owner/pack.tgz`);
    expect(pack).toMatchObject({ name: "pack", layout: "folder" });
    expect(pack.revision).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  test("an archive may have its files at the root", async () => {
    serve(await packTarGz({ "bin/compile": "x", "bin/detect": "x", README: "" }));
    expect((await fetched(`${base}/pack.tar.gz`)).layout).toBe("flat");
  });

  test("failures are explained with the archive's URL", async () => {
    serve(Buffer.from("no"), 404);
    const host = new URL(base).host;
    expect(await refusal(fetched(`${base}/pack.tgz`))).toBe(
      `no-buildpack: The buildpack ${base}/pack.tgz cannot be fetched: ${host} responded with status 404.`,
    );
    serve(Buffer.from("<!doctype html>"));
    expect(await refusal(fetched(`${base}/pack.tgz`))).toContain("it is an HTML page");
    serve(await packTarGz({ "pack/bin/compile": "0".repeat(9 * 1024 ** 2) }));
    expect(await refusal(fetched(`${base}/pack.tgz`))).toContain("unpacks to more than 8 MiB");
    serve(await packTarGz({ "a/bin/compile": "x", "b/c": "x" }));
    expect(await refusal(fetched(`${base}/pack.tgz`))).toContain("exactly one folder at its root");
    expect(await refusal(fetched("http://10.0.0.1/pack.tgz"))).toContain(
      "10.0.0.1 is not on the public internet",
    );
  });
});
