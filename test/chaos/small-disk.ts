// A small disk that a test fills: a tmpfs, or the upper layer of an overlay over a folder that is not changed. Requires root.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const megabyte = 1024 ** 2;
/**
 * Mounts the disk, and unmounts it at the end of standard input, which also occurs when the test is killed. $1 is the folder, $2 the size,
 * $3 the folder below an overlay, empty for none.
 */
const script = `set -e
mkdir "$1/disk" "$1/over"
mount -t tmpfs -o size="$2" tmpfs "$1/disk"
trap 'umount -l "$1/over" 2>/dev/null || true; umount -l "$1/disk"' EXIT
if [ -n "$3" ]; then
  mkdir "$1/disk/upper" "$1/disk/work"
  chown --reference="$3" "$1/disk/upper"
  chmod --reference="$3" "$1/disk/upper"
  mount -t overlay -o lowerdir="$3",upperdir="$1/disk/upper",workdir="$1/disk/work" overlay "$1/over"
fi
chmod 755 "$1" "$1/disk"
echo mounted
cat >/dev/null`;

export interface SmallDisk extends AsyncDisposable {
  /** The folder of the disk's files. With `over`, it also shows the files of that folder. */
  readonly folder: string;
  /** Writes a file until no byte is free. */
  fill(): Promise<void>;
  /** Removes the file that `fill` has written. */
  free(): Promise<void>;
}

/** @param over a folder whose files the disk shows. Nothing is written to it. */
export async function mountSmallDisk(megabytes: number, over = ""): Promise<SmallDisk> {
  const parent = await mkdtemp(join(tmpdir(), "slipway-disk-"));
  const size = String(megabytes * megabyte);
  const holder = spawn("sh", ["-c", script, "small-disk", parent, size, over], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = once(holder, "exit");
  const [mounted] = await Promise.race([once(holder.stdout, "data"), exited]);
  if (String(mounted) !== "mounted\n") throw new Error("the disk cannot be mounted");
  const filler = join(parent, "disk", "filler");
  return {
    folder: join(parent, over === "" ? "disk" : "over"),
    fill: () => fill(filler),
    free: () => rm(filler),
    async [Symbol.asyncDispose]() {
      holder.stdin.end();
      await exited;
      await rm(parent, { recursive: true, force: true });
    },
  };
}

async function fill(path: string): Promise<void> {
  await using file = await open(path, "a");
  for (let size = megabyte; size >= 1; size = Math.floor(size / 4)) {
    try {
      for (;;) await file.writeFile(Buffer.alloc(size));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    }
  }
}
