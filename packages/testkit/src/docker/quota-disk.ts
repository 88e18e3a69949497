// A file system with quotas in a file, for a private engine: xfs with project quotas, or btrfs, whichever the kernel supports.

import { execFile } from "node:child_process";
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const sizeBytes = 8 * 1024 ** 3;
/**
 * How btrfs counts. `simple` quotas (Linux 6.7 and later) count an extent for the subvolume that wrote it; older kernels get qgroups instead.
 * Docker itself enables `qgroups`, which include the image. With them the kernel looks up every subvolume that shares a block: in long tests
 * subvolumes were created faster than it deleted them, until the disk was full.
 */
export type QuotaKind = "simple" | "qgroups";

/** BTRFS_IOC_QUOTA_CTL with BTRFS_QUOTA_CTL_ENABLE_SIMPLE_QUOTA, which Debian's btrfs-progs do not know. */
const enableSimpleQuotas = `open(my $d, "<", $ARGV[0]) or die "$!\n"; my $call = pack("QQ", 4, 0);
  ioctl($d, 0xC0109428, $call) or warn "no simple quotas, Docker enables qgroups: $!\n"`;

/** The image is kept in memory when this much is available: a slow disk took minutes to free the files of an attack. */
const memoryKiB = (1.5 * sizeBytes) / 1024;

// In a separate mount namespace, so that the kernel removes mounts and loop device with its last process.
const script = `
set -e
kind=$1 image=$2 target=$3; shift 3
mkdir -p "$target"
if [ "$(awk '$1 == "MemAvailable:" {print $2}' /proc/meminfo)" -gt ${memoryKiB} ]; then
  mkdir -p "$image.memory"
  mount -t tmpfs -o size=${sizeBytes} tmpfs "$image.memory"
  image=$image.memory/image
fi
truncate -s ${sizeBytes} "$image"
if mkfs.xfs -q -f "$image" && mount -t xfs -o loop,pquota "$image" "$target"; then driver=overlay2
else
  mkfs.btrfs -q -f --metadata single "$image"
  mount -t btrfs -o loop,discard=async,commit=5 "$image" "$target"
  [ "$kind" = qgroups ] || perl -e '${enableSimpleQuotas}' "$target"
  driver=btrfs
fi`;

/** @returns the command that mounts the disk at `target` and then becomes `command`, for a private mount namespace. */
export function onQuotaDisk(
  kind: QuotaKind,
  image: string,
  target: string,
  command: readonly string[],
): string[] {
  const run = `${script}\nexec "$@" --storage-driver=$driver`;
  return ["sh", "-c", run, "quota-disk", kind, image, target, ...command];
}

/**
 * Whether tests that need a disk with quotas must be skipped: it requires root on Linux, loop devices, and mkfs.xfs or
 * mkfs.btrfs with a kernel that mounts one of them with quotas. Says the reason, in CI too: it may be the machine's.
 */
export async function lacksQuotaDisk(): Promise<boolean> {
  await using folder = await mkdtempDisposable(join(tmpdir(), "slipway-quota-"));
  const [image, target] = [join(folder.path, "image"), join(folder.path, "target")];
  try {
    const mounting = ["--mount", "sh", "-c", script, "quota-disk", "simple", image, target];
    await promisify(execFile)("unshare", mounting);
    return false;
  } catch (error) {
    process.stderr.write(`no disk with quotas can be made, tests of it are skipped: ${String(error)}\n`);
    return true;
  }
}
