// Attacks on the disk by builds, hooks and apps: the input, the limit that stops the attack, and the message to its owner. Each attack runs
// on an engine without quotas and on one with quotas. The limits are small, so that all attacks take little time and space.

import { type DiskQuota, excessText } from "@slipway/core";
import { inlineApp, servePl } from "../e2e/apps.ts";

/** The settings of the attacked workers. */
export const limits = {
  BUILD_DISK_MB: "64",
  BUILD_TMPFS_MB: "16",
  APP_DISK_MB: "48",
} as const;
const appDiskBytes = Number(limits.APP_DISK_MB) * 1024 ** 2;

interface Outcome {
  /** The limit that stops the attack. */
  readonly limit: "fsize" | "nofile" | "tmpfs" | "watch" | "quota" | "size";
  readonly status: string;
  /** The failure's code; null for a success. */
  readonly failure: string | null;
  /** A part of the deployment's log that the owner reads. */
  readonly reads: string;
}

export interface Attack {
  /** The subject and the verb of a sentence. */
  readonly name: string;
  /** Instructions of a Dockerfile that begins with the stack; replaces all other files. */
  readonly dockerfile?: string;
  /** Body of bin/compile. $1 is the build's directory, $2 its cache. */
  readonly compile?: string;
  readonly hook?: string;
  readonly web?: string;
  /** @param quota the quotas that the engine's kernel enforces. @returns the possible outcomes of the attack. */
  readonly outcomes: (quota: DiskQuota) => readonly Outcome[];
}

/** More bytes than a build or an app may write, also in addition to its image, in files that are each small enough. */
const fill = (folder: string): string => `for i in 1 2 3 4 5 6 7 8; do fallocate -l 40M ${folder}/$i; done`;
/** More files than a build or an app may create. */
const fillWithFiles = (folder: string): string =>
  `mkdir ${folder}/m; cd ${folder}/m; seq 1 20000 | xargs touch`;
const removeFilled = "rm /work/[1-8]";

const failed = { status: "build-error", failure: "build-failed" } as const;
const fileTooLarge = (): Outcome[] => [
  {
    limit: "fsize",
    ...failed,
    reads: `A file was too large: the limit is ${limits.BUILD_DISK_MB} MiB (BUILD_DISK_MB)`,
  },
];
const noSpace: Outcome = {
  limit: "quota",
  ...failed,
  reads: `The disk was full: the limit is ${limits.BUILD_DISK_MB} MiB (BUILD_DISK_MB), and ${limits.BUILD_TMPFS_MB} MiB in /tmp (BUILD_TMPFS_MB)`,
};
const watched: Outcome = {
  limit: "watch",
  status: "build-error",
  failure: "build-disk-full",
  reads: `The build wrote more than ${limits.BUILD_DISK_MB} MiB (BUILD_DISK_MB)`,
};
/** If a quota includes the image, the watch may be reached first. */
const either = ({ containers, includesImage }: DiskQuota, quota: Outcome, watch: Outcome): Outcome[] => [
  ...(containers ? [quota] : []),
  ...(!containers || includesImage ? [watch] : []),
];
const ofContainer = (quota: DiskQuota): Outcome[] => either(quota, noSpace, watched);
const ofVolume = ({ volumes }: DiskQuota): Outcome[] => [volumes ? noSpace : watched];
const tooLargeResult = (): Outcome[] => [
  {
    limit: "size",
    ...failed,
    reads: "The result of the build in /work/result is invalid: it is larger than",
  },
];
const hookFailed = { status: "hook-error", failure: "hook-failed" } as const;
const droppedCache = (): Outcome[] => [
  {
    limit: "size",
    status: "success",
    failure: null,
    reads: "The build cache is deleted, and the next build begins without it",
  },
];
const hookFull: Outcome = {
  limit: "watch",
  ...hookFailed,
  reads: `The postdeploy hook ${excessText("bytes", appDiskBytes)}`,
};
/** The message to the owner of an app that created too many files. */
export const createdTooMany = excessText("files", appDiskBytes);
const hookRefused: Outcome = {
  limit: "quota",
  ...hookFailed,
  reads: `The disk was full: the limit is ${limits.APP_DISK_MB} MiB (APP_DISK_MB)`,
};

const builds: readonly Attack[] = [
  {
    name: "a build reserves a file larger than its disk",
    compile: 'fallocate -l 20G "$1/x"',
    outcomes: fileTooLarge,
  },
  {
    name: "a build leaves a sparse file larger than its disk in its cache",
    compile: 'truncate -s 12G "$2/x"',
    outcomes: fileTooLarge,
  },
  {
    name: "a build leaves a sparse file of terabytes as its result",
    compile: "truncate -s 4T /work/result/x",
    outcomes: fileTooLarge,
  },
  {
    name: "a build leaves a sparse file of terabytes in its tree",
    compile: 'truncate -s 4T "$1/x"',
    outcomes: fileTooLarge,
  },
  {
    name: "a build ignores the signal for a file that is too large",
    compile: `perl -e '$SIG{XFSZ} = "IGNORE"; open($f, ">", "/work/x"); truncate($f, 2 ** 43) or die "$!\\n"'`,
    outcomes: fileTooLarge,
  },
  {
    name: "a build leaves a sparse file in its result",
    compile: "truncate -s 60M /work/result/x",
    outcomes: tooLargeResult,
  },
  {
    name: "a build leaves sparse files in its tree",
    compile: 'truncate -s 60M "$1/a" "$1/b"',
    outcomes: () => [
      {
        limit: "size",
        status: "aborted",
        failure: "build-disk-full",
        reads: `The build left more than ${limits.BUILD_DISK_MB} MiB of files`,
      },
    ],
  },
  {
    name: "a build leaves sparse files in its cache",
    compile: 'truncate -s 60M "$2/a" "$2/b"',
    outcomes: droppedCache,
  },
  {
    name: "a build fills its disk below /work",
    compile: `${fill("/work")}; sleep 600`,
    outcomes: ofContainer,
  },
  {
    name: "a build fills its disk outside of /work",
    compile: `${fill("/var/tmp")}; sleep 600`,
    outcomes: ofContainer,
  },
  { name: "a build fills its cache", compile: `${fill('"$2"')}; sleep 600`, outcomes: ofVolume },
  {
    name: "a build hides its files in an unreadable folder",
    compile: `mkdir /work/m; ${fill("/work/m")}; chmod 0 /work/m; sleep 600`,
    outcomes: ofContainer,
  },
  {
    name: "a build holds deleted files open",
    compile: `${fill("/work")}; exec 5</work/1 6</work/2 7</work/3; ${removeFilled}; sleep 600`,
    outcomes: ofContainer,
  },
  {
    name: "a build holds deleted files open in a hundred processes with thousands of descriptors each",
    compile: `${fill("/work")}
perl -e 'for (0 .. 5999) { open($h[$_], "<", "/work/" . (1 + $_ % 8)) or die "$!\\n" }
  unlink "/work/$_" for 1 .. 8; for (1 .. 100) { fork or do { sleep 600; exit } } sleep 600'`,
    outcomes: ofContainer,
  },
  {
    name: "a build creates very many empty files",
    compile: `${fillWithFiles("/work")}; sleep 600`,
    outcomes: () => [watched],
  },
  {
    name: "a build opens very many files",
    compile: `perl -e 'for (1 .. 9000) { open($f[$_], "<", "/dev/null") or die "$!\\n" }'`,
    outcomes: () => [{ limit: "nofile", ...failed, reads: "A process had too many open files" }],
  },
  {
    name: "a build fills /tmp",
    compile: "head -c 20M /dev/zero >/tmp/x",
    outcomes: () => [{ ...noSpace, limit: "tmpfs" }],
  },
];

const dockerfileFull = (): Outcome[] => [
  {
    ...watched,
    reads: `steps of the Dockerfile wrote more than ${limits.BUILD_DISK_MB} MiB (BUILD_DISK_MB)`,
  },
];
const dockerfiles: readonly Attack[] = [
  {
    name: "a step of a Dockerfile reserves a file larger than its disk",
    dockerfile: "RUN fallocate -l 1G /x; sleep 600",
    outcomes: dockerfileFull,
  },
  { name: "a step of a Dockerfile writes without end", dockerfile: "RUN yes >/x", outcomes: dockerfileFull },
  {
    name: "a step of a Dockerfile fills its mounted cache",
    dockerfile: "RUN --mount=type=cache,target=/cache fallocate -l 100M /cache/x; sleep 600",
    outcomes: dockerfileFull,
  },
];

/** Attacks by hooks, and by apps while they start. */
export const releaseAttacks: readonly Attack[] = [
  {
    name: "a hook reserves a file larger than its disk",
    hook: "fallocate -l 20G /app/x",
    outcomes: () => [
      {
        limit: "fsize",
        ...hookFailed,
        reads: `A file was too large: the limit is ${limits.APP_DISK_MB} MiB (APP_DISK_MB)`,
      },
    ],
  },
  {
    name: "a hook fills its disk",
    hook: `set -e; ${fill("/app")}; sleep 600`,
    outcomes: (quota) => either(quota, hookRefused, hookFull),
  },
  {
    name: "a hook creates very many empty files",
    hook: `${fillWithFiles("/app")}; sleep 600`,
    outcomes: () => [{ limit: "watch", ...hookFailed, reads: `The postdeploy hook ${createdTooMany}` }],
  },
  {
    name: "a hook hides very many empty files in an unreadable folder",
    hook: `${fillWithFiles("/app")}; chmod 0 /app/m; sleep 600`,
    outcomes: () => [{ limit: "watch", ...hookFailed, reads: `The postdeploy hook ${createdTooMany}` }],
  },
  {
    name: "a hook gives a file very many names",
    hook: `mkdir /app/m; cd /app/m; perl -e 'open($f, ">", 0); for (1 .. 20000) { link(0, $_) or die }'; sleep 600`,
    outcomes: () => [{ limit: "watch", ...hookFailed, reads: `The postdeploy hook ${createdTooMany}` }],
  },
  {
    name: "an app creates very many empty files while it boots",
    web: `${fillWithFiles("/app")}; sleep 600`,
    outcomes: () => [
      { limit: "watch", status: "crashed-error", failure: "app-crashed", reads: `it ${createdTooMany}` },
    ],
  },
  {
    name: "an app reserves a file larger than its disk while it boots",
    web: "exec fallocate -l 20G /app/x",
    outcomes: () => [
      {
        limit: "fsize",
        status: "crashed-error",
        failure: "app-crashed",
        reads: `one of its files was larger than its ${limits.APP_DISK_MB} MiB of disk (APP_DISK_MB)`,
      },
    ],
  },
];

/** Each attack ends its deployment, or is rejected within it. */
export const attacks: readonly Attack[] = [...builds, ...dockerfiles, ...releaseAttacks];

/** An app that fills its disk on a request of /fill. It keeps serving even if the kernel rejects the writes. */
export const fillingApp = appWithFill(fill("/app"));
/** An app that creates too many files on a request of /fill. */
export const creatingApp = appWithFill(fillWithFiles("/app"));

function appWithFill(script: string): Readonly<Record<string, string>> {
  return inlineApp("true", "exec perl fill.pl", {
    "fill.sh": script,
    "fill.pl": servePl
      .replace("while (my $line", "my $request = <$client>;\n  while (my $line")
      .replace("print $client", 'system("bash", "fill.sh") if $request =~ m{ /fill };\n  print $client')
      .replaceAll("$ARGV[0]", '"up"'),
  });
}
