// Fetches one revision of a git repository with its submodules, as tars. No working tree is created, so no link, hook or filter of the
// repository has any effect on the worker.

import { mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseBuildpackUrl } from "@slipway/buildpacks";
import { SlipwayError, mebibytesText } from "@slipway/core";
import { buildpackFailure } from "./buildpack-failure.ts";
import { git } from "./git.ts";
import type { GitOptions, GitOutcome } from "./git.ts";
import { gitFailure } from "./git-failure.ts";
import { submodulesOf } from "./submodules.ts";

export interface GitSession extends Omit<GitOptions, "folder" | "remoteUrl"> {
  /** Temporary folder of this fetch. */
  readonly folder: string;
  /** @returns the URL to fetch in place of a URL that a user or a repository names. */
  readonly mirrored: (url: string) => string;
}

/** A tar with the files of one repository. Its paths are relative to the repository. */
export interface TarPart {
  /** Folder of the files, relative to the buildpack; "" for the buildpack itself. */
  readonly path: string;
  readonly file: string;
  readonly sizeBytes: number;
}

export interface OpenRepository {
  /** The present revision of the wanted ref on the server. */
  readonly revision: string;
  /** @throws {SlipwayError} "no-buildpack". */
  readonly fetch: () => Promise<readonly TarPart[]>;
}

interface Wanted {
  readonly url: string;
  readonly ref: string | null;
  /** The beginning of error messages. */
  readonly subject: string;
}

const fullRevision = /^[0-9a-f]{40}([0-9a-f]{24})?$/;
const abbreviatedRevision = /^[0-9a-f]{7,39}$/;
/** Makes archives contain the files of a checkout, including files that the repository excludes from archives. */
const attributes = "* -export-ignore -export-subst\n";
const maxSubmodules = 30;
const maxDepth = 4;

/**
 * Finds the revision of a branch, a tag or HEAD. A full revision needs no request.
 * @throws {SlipwayError} "no-buildpack" when the repository or the ref does not exist, with what to do.
 */
export async function openRepository(session: GitSession, wanted: Wanted): Promise<OpenRepository> {
  const { ref } = wanted;
  const target =
    ref !== null && fullRevision.test(ref) ? { revision: ref, refName: ref } : await resolve(session, wanted);
  return {
    revision: target.revision,
    fetch: () => new Fetch(session, wanted.subject).all(wanted.url, target),
  };
}

interface Target {
  readonly revision: string;
  /** The name to request: some servers reject requests for revisions. */
  readonly refName: string;
}

async function resolve(session: GitSession, { url, ref, subject }: Wanted): Promise<Target> {
  const options = await repository(session, url, "refs");
  const names = ref === null ? ["HEAD"] : [`refs/heads/${ref}`, `refs/tags/${ref}`, `refs/tags/${ref}^{}`];
  const listed = await succeed(subject, ["ls-remote", "--quiet", "origin", ...names], options);
  const found = new Map(
    listed.stdout
      .toString("utf8")
      .split("\n")
      .map((line) => line.split("\t"))
      .flatMap(([revision = "", name = ""]): [string, string][] =>
        fullRevision.test(revision) ? [[name, revision]] : [],
      ),
  );
  // A branch takes precedence. An annotated tag has its own revision, which differs from the revision that it names.
  for (const name of names) {
    const revision = found.get(`${name}^{}`) ?? found.get(name);
    if (revision !== undefined) return { revision, refName: name };
  }
  throw buildpackFailure(`${subject}: ${missingRef(ref)}`);
}

function missingRef(ref: string | null): string {
  if (ref === null) return "the repository is empty, or has no default branch.";
  const hint = abbreviatedRevision.test(ref) ? " A revision needs all of its 40 digits." : "";
  return `the repository has no branch or tag named ${ref}.${hint} Correct the part after # in the URL.`;
}

/** One repository and its submodules. */
class Fetch {
  readonly #session: GitSession;
  readonly #subject: string;
  readonly #parts: TarPart[] = [];
  #sizeBytes = 0;

  constructor(session: GitSession, subject: string) {
    this.#session = session;
    this.#subject = subject;
  }

  async all(url: string, target: Target): Promise<readonly TarPart[]> {
    await this.#repository({ url, target, path: "", depth: 0 });
    return this.#parts;
  }

  async #repository(one: { url: string; target: Target; path: string; depth: number }): Promise<void> {
    const { url, target, path, depth } = one;
    if (this.#parts.length > maxSubmodules || depth > maxDepth)
      throw this.#failure(
        `it has more than ${maxSubmodules} submodules, or ones below more than ${maxDepth} others.`,
      );
    const options = await repository(this.#session, url, `repository-${this.#parts.length}`);
    const { refName, revision } = target;
    await this.#run(path, ["fetch", "--quiet", "--no-tags", "--depth=1", "origin", refName], options);
    const file = join(this.#session.folder, `${this.#parts.length}.tar`);
    // If a branch has moved since it was resolved, the server sent another revision.
    const has = await git(["cat-file", "-e", `${revision}^{commit}`], options);
    if (has.exitCode !== 0) throw this.#failure(`${refName} changed while it was fetched. Deploy again.`);
    await this.#run(path, ["archive", "--format=tar", `--output=${file}`, revision], options);
    const { size: sizeBytes } = await stat(file);
    this.#sizeBytes += sizeBytes;
    // Checked before the next repository is fetched: each of them may be as large as all are allowed to be together.
    if (this.#sizeBytes > this.#session.maxFileBytes) throw tooLarge(this.#session.maxFileBytes);
    this.#parts.push({ path, file, sizeBytes });
    const submodules = await submodulesOf(revision, url, (args) => this.#run(path, args, options));
    for (const submodule of submodules) {
      const where = `${this.#subject}: the URL of its submodule ${submodule.path}`;
      const parsed = parseBuildpackUrl(submodule.url, where);
      if (parsed.kind !== "git")
        throw this.#failure(`its submodule ${submodule.path} is not a git repository.`);
      await this.#repository({
        url: parsed.url,
        target: { revision: submodule.revision, refName: submodule.revision },
        path: path === "" ? submodule.path : `${path}/${submodule.path}`,
        depth: depth + 1,
      });
    }
  }

  async #run(path: string, args: readonly string[], options: GitOptions): Promise<GitOutcome> {
    const subject = path === "" ? this.#subject : `${this.#subject}: its submodule ${path}`;
    return succeed(subject, args, options);
  }

  #failure(reason: string): SlipwayError {
    return buildpackFailure(`${this.#subject}: ${reason}`);
  }
}

/** Creates an empty repository with the remote `origin`. */
async function repository(session: GitSession, url: string, name: string): Promise<GitOptions> {
  const folder = join(session.folder, name);
  await mkdir(join(folder, "info"), { recursive: true });
  const { mirrored, ...rest } = session;
  const options = { ...rest, folder, remoteUrl: mirrored(url) };
  const made = await git(["init", "--bare", "--quiet", "--template="], options);
  if (made.exitCode !== 0) throw new SlipwayError("internal", `git init failed: ${made.stderr}`);
  await writeFile(join(folder, "info/attributes"), attributes);
  return options;
}

async function succeed(subject: string, args: readonly string[], options: GitOptions): Promise<GitOutcome> {
  const outcome = await git(args, options);
  if (outcome.exitCode === 0) return outcome;
  throw gitFailure(subject, outcome);
}

function tooLarge(maxBytes: number): SlipwayError {
  return new SlipwayError(
    "archive-too-large",
    `With its submodules it has more than ${mebibytesText(maxBytes)}.`,
  );
}
