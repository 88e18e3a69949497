// Builds, hooks and apps that fill the disk: each is ended or refused, its owner reads why, and the platform is unharmed. The limits
// are those of the defaults: BUILD_DISK_MB 4096, BUILD_TMPFS_MB 512, APP_DISK_MB 2048. Attacks with very many files, which take
// longer, are scaled down in packages/testkit/src/engine-contract/limits.ts.

import { packTarGz } from "@slipway/testkit";
import { expect, test } from "vitest";
import { answering, inlineApp } from "../e2e/apps.ts";
import { call, createApp, deployed, page } from "../e2e/slipway.ts";
import { beforeAttack } from "./unharmed.ts";

interface Attack {
  readonly name: string;
  /** Body of bin/compile: $1 is the build's directory, $2 its cache. */
  readonly compile?: string;
  readonly hook?: string;
  readonly web?: string;
  /** The limit that holds it. */
  readonly limit: "fsize" | "nofile" | "tmpfs" | "watch" | "size";
  readonly status: string;
  readonly failure: string;
  /** What the user reads in the log. */
  readonly reads: string;
}

const buildFile = "A file was too large: the limit is 4096 MiB (BUILD_DISK_MB)";
const buildFull = "The build wrote more than 4096 MiB (BUILD_DISK_MB)";
const failed = { status: "build-error", failure: "build-failed" } as const;
const full = { limit: "watch", status: "build-error", failure: "build-disk-full", reads: buildFull } as const;
/** More than a build or an app may write, in files that are each small enough. */
const fill = (folder: string): string => `fallocate -l 1500M ${folder}/1
fallocate -l 1500M ${folder}/2
fallocate -l 1500M ${folder}/3
`;

const attacks: readonly Attack[] = [
  {
    name: "a build that reserves a file larger than its disk",
    compile: 'fallocate -l 20G "$1/x"',
    limit: "fsize",
    ...failed,
    reads: buildFile,
  },
  {
    name: "a build that leaves a sparse file larger than its disk in its cache",
    compile: 'truncate -s 12G "$2/x"',
    limit: "fsize",
    ...failed,
    reads: buildFile,
  },
  {
    name: "a build that leaves a sparse file of terabytes as its result",
    compile: "truncate -s 4T /work/result/x",
    limit: "fsize",
    ...failed,
    reads: buildFile,
  },
  {
    name: "a build that leaves a sparse file of terabytes in its tree",
    compile: 'truncate -s 4T "$1/x"',
    limit: "fsize",
    ...failed,
    reads: buildFile,
  },
  {
    name: "a build that ignores the signal for a file that is too large",
    compile: `perl -e '$SIG{XFSZ} = "IGNORE"; open($f, ">", "/work/x"); truncate($f, 2 ** 43) or die "$!\\n"'`,
    limit: "fsize",
    ...failed,
    reads: buildFile,
  },
  {
    name: "a build that leaves sparse files in its result",
    compile: "truncate -s 4G /work/result/x",
    limit: "size",
    ...failed,
    reads: "The result of the build in /work/result is invalid: it is larger than",
  },
  {
    name: "a build that leaves sparse files in its tree",
    compile: 'truncate -s 4G "$1/x"',
    limit: "size",
    status: "aborted",
    failure: "image-too-large",
    reads: "MiB",
  },
  { name: "a build that fills its disk below /work", compile: `${fill("/work")} sleep 600`, ...full },
  { name: "a build that fills its disk outside of /work", compile: `${fill("/var/tmp")} sleep 600`, ...full },
  { name: "a build that fills its cache", compile: `${fill('"$2"')} sleep 600`, ...full },
  {
    name: "a build that hides its files in an unreadable folder",
    compile: `mkdir /work/m; ${fill("/work/m")} chmod 0 /work/m; sleep 600`,
    ...full,
  },
  {
    name: "a build that holds deleted files open",
    compile: `${fill("/work")} exec 5</work/1 6</work/2 7</work/3; rm /work/[123]; sleep 600`,
    ...full,
  },
  {
    name: "a build that opens very many files",
    compile: `perl -e 'for (1 .. 9000) { open($f[$_], "<", "/dev/null") or die "$!\\n" }'`,
    limit: "nofile",
    ...failed,
    reads: "A process had too many open files",
  },
  {
    name: "a build that fills /tmp",
    compile: "head -c 600M /dev/zero >/tmp/x",
    limit: "tmpfs",
    ...failed,
    reads: "The disk was full: the limit is 4096 MiB (BUILD_DISK_MB), and 512 MiB in /tmp (BUILD_TMPFS_MB)",
  },
  {
    name: "a hook that reserves a file larger than its disk",
    hook: "fallocate -l 20G /app/x",
    limit: "fsize",
    status: "hook-error",
    failure: "hook-failed",
    reads: "A file was too large: the limit is 2048 MiB (APP_DISK_MB)",
  },
  {
    name: "a hook that fills its disk",
    hook: `${fill("/app").replaceAll("\n", "; ")}sleep 600`,
    limit: "watch",
    status: "hook-error",
    failure: "hook-failed",
    reads: "The postdeploy hook wrote more than its 2048 MiB of disk (APP_DISK_MB)",
  },
  {
    name: "an app that reserves a file larger than its disk while it boots",
    web: "exec fallocate -l 20G /app/x",
    limit: "fsize",
    status: "crashed-error",
    failure: "app-crashed",
    reads: "one of its files was larger than its 2048 MiB of disk (APP_DISK_MB)",
  },
];

test.for(attacks)("$name is ended with an explanation ($limit), and nothing is harmed", async (attack) => {
  const unharmed = await beforeAttack();
  const app = await createApp("disk");
  const files = inlineApp(attack.compile ?? "true", attack.web ?? answering("up"), {});
  const hook = attack.hook === undefined ? "" : `postdeploy: ${attack.hook}\n`;
  const procfile = `${files["sample/Procfile"]}${hook}`;
  const archive = await packTarGz({ ...files, "sample/Procfile": procfile });
  const { deployment, log } = await deployed(app.name, archive);
  expect(deployment).toMatchObject({ status: attack.status, failure: { code: attack.failure } });
  expect(log).toContain(attack.reads);
  expect(log).not.toContain("The platform failed");
  await unharmed();
});

test("sparse files in a cache that is too large are neither stored nor restored", async () => {
  const unharmed = await beforeAttack();
  const app = await createApp("disk");
  const archive = await packTarGz(inlineApp('ls -A "$2"; truncate -s 4G "$2/a" "$2/b"', answering("up")));
  for (const _ of ["first", "second"]) {
    const { deployment, log } = await deployed(app.name, archive);
    expect(deployment.status).toBe("success");
    expect(log).toContain("The build cache is deleted, and the next build begins without it");
    expect(log).not.toMatch(/^a$/m);
  }
  await unharmed();
});

test("an app that fills its disk is started again without what it wrote, and its owner reads why", async () => {
  const unharmed = await beforeAttack();
  const app = await createApp("disk");
  const web = `${fill("/app").replaceAll("\n", "; ")}${answering("up")}`;
  const { deployment } = await deployed(app.name, await packTarGz(inlineApp("true", web)));
  expect(deployment.status).toBe("success");
  const reason = async () => {
    type Containers = { containers: { restart_reason: string | null }[] };
    return (await call<Containers>("GET", `/v1/apps/${app.name}/ps`)).containers[0]?.restart_reason;
  };
  await expect.poll(reason, { timeout: 60_000 }).toContain("its limit is 2048 MiB (APP_DISK_MB)");
  await expect.poll(() => page(app.name).catch(String)).toBe("up");
  await call("DELETE", `/v1/apps/${app.name}?current_name=${app.name}`);
  await unharmed();
});
