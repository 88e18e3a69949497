// A server for git repositories and files, built from Node's HTTP server and git's own http-backend.

import { type ChildProcessWithoutNullStreams, execFile, spawn } from "node:child_process";
import { chmod, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { type IncomingMessage, type Server, type ServerResponse, createServer } from "node:http";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const searchPath = "/usr/local/bin:/usr/bin:/bin";
const identity = {
  GIT_AUTHOR_NAME: "a",
  GIT_AUTHOR_EMAIL: "a@example.test",
  GIT_COMMITTER_NAME: "a",
  GIT_COMMITTER_EMAIL: "a@example.test",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
};

/** Content by path. Files below bin/ are executable; `{ link }` is a symbolic link. */
export type RepositoryFiles = Readonly<Record<string, string | { readonly link: string }>>;

export class TestRepository {
  /** Folder of the working tree; its name ends with .git. */
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Creates an empty repository, whose branch is `main`. */
  static async create(folder: string): Promise<TestRepository> {
    await mkdir(folder, { recursive: true });
    const repository = new TestRepository(folder);
    await repository.git("init", "--quiet", "--initial-branch=main");
    return repository;
  }

  /** @returns git's output, trimmed. */
  async git(...args: readonly string[]): Promise<string> {
    const env = { PATH: searchPath, HOME: this.folder, ...identity };
    const { stdout } = await run("git", ["-C", this.folder, "-c", "protocol.file.allow=always", ...args], {
      env,
    });
    return stdout.trim();
  }

  /** Writes the files and commits everything. @returns the revision. */
  async commit(files: RepositoryFiles): Promise<string> {
    for (const [name, content] of Object.entries(files)) {
      const path = join(this.folder, name);
      await mkdir(dirname(path), { recursive: true });
      await rm(path, { force: true });
      if (typeof content !== "string") await symlink(content.link, path);
      else await writeFile(path, content);
      if (name.startsWith("bin/") && typeof content === "string") await chmod(path, 0o755);
    }
    await this.git("add", "--all");
    await this.git("commit", "--quiet", "--message=change", "--allow-empty");
    return this.git("rev-parse", "HEAD");
  }
}

/**
 * Serves the repositories below `root` with git's smart protocol at /NAME.git, when no `route` responds to the request.
 * @param route responds to a request and returns true, or returns false.
 * @returns a server that does not listen yet.
 */
export function gitServer(
  root: string,
  route: (request: IncomingMessage, response: ServerResponse) => boolean = () => false,
): Server {
  return createServer((request, response) => {
    if (!route(request, response)) serveGit(root, request, response);
  });
}

function serveGit(root: string, request: IncomingMessage, response: ServerResponse): void {
  const { pathname, search } = new URL(request.url ?? "/", "http://git.test");
  const backend = spawn("git", ["http-backend"], {
    env: {
      PATH: searchPath,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: "1",
      // The repositories may belong to another user than the one of the server.
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: "safe.directory",
      GIT_CONFIG_VALUE_0: "*",
      PATH_INFO: pathname,
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: request.method,
      REMOTE_ADDR: "127.0.0.1",
      CONTENT_TYPE: request.headers["content-type"] ?? "",
      HTTP_CONTENT_ENCODING: request.headers["content-encoding"] ?? "",
      GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
    },
  });
  response.once("close", () => backend.kill());
  backend.stdin.on("error", () => backend.kill());
  request.pipe(backend.stdin);
  respond(backend, response).catch(() => response.destroy());
}

/** The output of a CGI program: headers, an empty line, and the body. */
async function respond(backend: ChildProcessWithoutNullStreams, response: ServerResponse): Promise<void> {
  let head: Buffer | null = Buffer.alloc(0);
  for await (const chunk of backend.stdout as AsyncIterable<Buffer>) {
    if (head === null) {
      response.write(chunk);
      continue;
    }
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) continue;
    const headers = head
      .subarray(0, end)
      .toString("latin1")
      .split("\r\n")
      .map((line) => line.split(": "));
    const values = Object.fromEntries(headers) as Record<string, string>;
    response.writeHead(Number.parseInt(values["Status"] ?? "200", 10), values);
    response.write(head.subarray(end + 4));
    head = null;
  }
  response.end();
}
