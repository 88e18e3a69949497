// Reads a revision's submodules from git's objects.

import type { GitOutcome } from "./git.ts";

export interface Submodule {
  /** Folder relative to the repository, without `.` and `..`. */
  readonly path: string;
  /** The URL in .gitmodules; a URL relative to the repository's URL is resolved. It is not checked. */
  readonly url: string;
  readonly revision: string;
}

/** Matches mode, kind, revision and path of a line of `ls-tree`. */
const gitlink = /^160000 commit ([0-9a-f]+)\t(.+)$/s;
const definitions = ".gitmodules";

/**
 * A submodule's folder without an entry in .gitmodules stays empty, as in a clone.
 * @param run runs git in the repository and rejects when git fails.
 */
export async function submodulesOf(
  revision: string,
  repositoryUrl: string,
  run: (args: readonly string[]) => Promise<GitOutcome>,
): Promise<readonly Submodule[]> {
  const top = await lines(run, ["ls-tree", "-z", revision, definitions]);
  if (!top.some((line) => /^100(644|755) blob /.test(line))) return [];
  const settings = await lines(run, ["config", "--null", "--list", `--blob=${revision}:${definitions}`]);
  const urls = urlsByPath(settings);
  const tree = await lines(run, ["ls-tree", "-r", "-z", "--full-tree", revision]);
  return tree.flatMap((line) => {
    const [, commit = "", path = ""] = gitlink.exec(line) ?? [];
    const url = urls.get(path);
    if (url === undefined || path.split("/").some((part) => part === ".." || part === ".")) return [];
    return [{ path, url: absolute(url, repositoryUrl), revision: commit }];
  });
}

async function lines(
  run: (args: readonly string[]) => Promise<GitOutcome>,
  args: readonly string[],
): Promise<readonly string[]> {
  const { stdout } = await run(args);
  return stdout.toString("utf8").split("\0");
}

/** @param settings texts of a key, a newline and a value each. */
function urlsByPath(settings: readonly string[]): ReadonlyMap<string, string> {
  const paths = new Map<string, string>();
  const urls = new Map<string, string>();
  for (const setting of settings) {
    const [, name = "", key = "", value = ""] = /^submodule\.(.+)\.(path|url)\n(.*)$/s.exec(setting) ?? [];
    if (key === "path") paths.set(name, value.replace(/\/+$/, ""));
    if (key === "url") urls.set(name, value);
  }
  return new Map([...paths].flatMap(([name, path]) => [[path, urls.get(name) ?? ""] as const]));
}

function absolute(url: string, repositoryUrl: string): string {
  if (!/^\.\.?\//.test(url)) return url;
  return URL.parse(url, `${repositoryUrl.replace(/\/+$/, "")}/`)?.href ?? url;
}
