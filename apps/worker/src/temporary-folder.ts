// A worker process's folder for temporary files, such as downloaded archives. A killed process leaves its folder behind, so each worker
// that starts removes the folders of ended processes. A folder is in use while its process listens on the socket in it; this also works for
// processes in other containers that share the parent folder.

import { once } from "node:events";
import { mkdtempDisposable, readdir, rm, stat } from "node:fs/promises";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const prefix = "slipway-tmp-";
const socketName = "owner.sock";
/** A younger folder may not have its socket yet. */
const youngMs = 60_000;

export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string;
}

export interface TemporaryFolderOptions {
  /** Receives the errors of removing another process's folder. */
  readonly onError: (error: unknown, message: string) => void;
  /** Default: the system's folder for temporary files. */
  readonly parent?: string;
}

/**
 * Creates the folder of this process, and removes the folders of ended processes. The disposal removes the folder with its files.
 * @throws the system's error when the folder cannot be created, for example because the parent's path is too long for a socket.
 */
export async function openTemporaryFolder({
  onError,
  parent = tmpdir(),
}: TemporaryFolderOptions): Promise<TemporaryFolder> {
  await removeAbandoned(parent, onError);
  await using opened = new AsyncDisposableStack();
  const { path } = opened.use(await mkdtempDisposable(join(parent, prefix)));
  const server = createServer((connection) => connection.destroy());
  server.listen(join(path, socketName));
  await once(server, "listening");
  server.unref();
  opened.use(server);
  const owned = opened.move();
  return { path, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function removeAbandoned(parent: string, onError: TemporaryFolderOptions["onError"]): Promise<void> {
  const names = await readdir(parent);
  for (const name of names.filter((one) => one.startsWith(prefix))) {
    const path = join(parent, name);
    try {
      if (await isAbandoned(path)) await rm(path, { recursive: true, force: true });
    } catch (error) {
      onError(error, `cannot remove the temporary folder ${path} of a worker that has ended`);
    }
  }
}

async function isAbandoned(folder: string): Promise<boolean> {
  const found = await stat(folder).catch(unless("ENOENT"));
  // Folders of another user of the machine are removed by that user's workers.
  if (found === undefined || found.uid !== process.getuid?.()) return false;
  const connection = createConnection(join(folder, socketName));
  try {
    await once(connection, "connect");
    return false;
  } catch (error) {
    if (codeOf(error) === "ECONNREFUSED") return true;
    if (codeOf(error) === "ENOENT") return Date.now() - found.mtimeMs > youngMs;
    throw error;
  } finally {
    connection.destroy();
  }
}

function unless(code: string) {
  return (error: unknown): undefined => {
    if (codeOf(error) !== code) throw error;
  };
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
