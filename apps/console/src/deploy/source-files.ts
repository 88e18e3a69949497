// Reads what a user dropped or chose: an archive, or the files of a folder without the ignored ones.

import ignore from "ignore";
import type { TarFile } from "./tar.ts";

/** Files that are never part of a source, because they are generated or secret. */
const never = [".git", "node_modules", ".DS_Store"];
const ignoreFiles = new Set([".gitignore", ".slugignore"]);

/** A dropped or chosen source. */
export type Dropped =
  | { readonly kind: "archive"; readonly file: File }
  | { readonly kind: "folder"; readonly name: string; readonly files: readonly TarFile[] };

/** @throws {Error} whose message says what can be dropped instead. */
export async function droppedIn(items: DataTransferItemList): Promise<Dropped> {
  const entries = Array.from(items, (item) => item.webkitGetAsEntry());
  const files = Array.from(items, (item) => item.getAsFile());
  const [entry] = entries;
  if (entries.length !== 1 || entry === undefined) throw new Error("Drop one folder or one .tar.gz archive.");
  if (entry?.isDirectory === true) {
    const directory = entry as FileSystemDirectoryEntry;
    return folderOf(directory.name, await filesIn(directory, ""));
  }
  return archiveOf(files[0] ?? undefined);
}

/** Reads the folder that was chosen in an input with `webkitdirectory`. */
export function chosenFolder(list: FileList): Promise<Dropped> {
  const files = Array.from(list, (file) => {
    const [, ...path] = file.webkitRelativePath.split("/");
    return { path: path.join("/"), content: file };
  });
  return folderOf(list[0]?.webkitRelativePath.split("/")[0] ?? "app", files);
}

/** @throws {Error} when the file is not an archive. */
export function archiveOf(file: File | undefined): Dropped {
  if (file === undefined || !/\.(tar\.gz|tgz)$/.test(file.name)) {
    throw new Error(
      `${file?.name ?? "This"} is no .tar.gz archive: drop the app's folder, or an archive of it.`,
    );
  }
  return { kind: "archive", file };
}

async function folderOf(name: string, all: readonly TarFile[]): Promise<Dropped> {
  const rules = ignore().add(never);
  for (const { path, content } of all) {
    if (ignoreFiles.has(path)) rules.add(await content.text());
  }
  const kept = all.filter(({ path }) => !rules.ignores(path));
  if (kept.length === 0) throw new Error(`The folder ${name} has no files that are not ignored.`);
  return { kind: "folder", name, files: await Promise.all(kept.map(withMode)) };
}

/** Browsers do not report file modes. A file that begins like a script counts as executable. */
async function withMode(file: TarFile): Promise<TarFile> {
  const start = await file.content.slice(0, 2).text();
  return { ...file, executable: start === "#!" };
}

async function filesIn(directory: FileSystemDirectoryEntry, prefix: string): Promise<TarFile[]> {
  const found: TarFile[] = [];
  for (const entry of await entriesOf(directory)) {
    const path = prefix + entry.name;
    if (never.includes(entry.name)) continue;
    if (entry.isDirectory) found.push(...(await filesIn(entry as FileSystemDirectoryEntry, `${path}/`)));
    else found.push({ path, content: await fileOf(entry as FileSystemFileEntry) });
  }
  return found;
}

/** A reader returns at most a hundred entries at a time. */
async function entriesOf(directory: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = directory.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const { promise, resolve, reject } = Promise.withResolvers<FileSystemEntry[]>();
    reader.readEntries(resolve, reject);
    const some = await promise;
    if (some.length === 0) return all;
    all.push(...some);
  }
}

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  const { promise, resolve, reject } = Promise.withResolvers<File>();
  entry.file(resolve, reject);
  return promise;
}
