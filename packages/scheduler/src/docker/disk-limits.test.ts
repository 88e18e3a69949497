import type { RolloutSpec, Scheduler } from "@slipway/core";
import { connectDocker } from "@slipway/docker";
import {
  aRollout,
  lacksEngine,
  lacksPrivateEngine,
  lacksQuotaDisk,
  newInstallation,
  startPrivateEngine,
  testEngine,
} from "@slipway/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { restartReasonLabel } from "../instance-config.ts";
import { openDockerScheduler } from "./docker-scheduler.ts";

const never = new AbortController().signal;
type TestEngine = Awaited<ReturnType<typeof testEngine>>;

const timeoutMs = 180_000;
const mebibyte = 1024 ** 2;
const limits = { memoryBytes: 128 * mebibyte, cpus: 1, pids: 64, diskBytes: 32 * mebibyte };
/** Writes twice the limit, in files that are each within it; random, because a file system may compress. */
const fill = "for i in 1 2 3 4; do head -c 16M /dev/urandom >/var/tmp/$i || exit 9; done";
/** Creates more empty files than a disk of 32 MiB allows. */
const fillWithFiles = "mkdir /var/tmp/m; cd /var/tmp/m; seq 1 9000 | xargs touch; chmod 0 .";
const ofFiles = "created more than 8192 files, and each counts as 4 KiB of its 32 MiB of disk (APP_DISK_MB)";
const listen = `exec perl -MIO::Socket::INET -e '
  my $server = IO::Socket::INET->new(LocalPort => $ENV{PORT}, Listen => 5, ReuseAddr => 1) or die;
  while (1) { my $client = $server->accept or next; close $client; }'`;

/** A scheduler of a separate installation. @param opened closes it, and removes its leftovers. */
function openOn({ dockerHost, stackImage }: TestEngine, opened: AsyncDisposableStack) {
  const installation = opened.use(newInstallation());
  const options = { installationId: installation.id, dockerHost, watchImage: stackImage };
  return { scheduler: opened.use(openDockerScheduler(options)), stackImage };
}

/** @returns the exit and the output of a command. */
async function run(scheduler: Scheduler, image: string, script: string) {
  let text = "";
  const onOutput = (bytes: Uint8Array): void => void (text += Buffer.from(bytes).toString("utf8"));
  const task = aRollout({ image, command: ["bash", "-c", script], limits });
  return {
    exit: await scheduler.run(task, { signal: never, onOutput, timeoutMs: 600_000 }),
    text: () => text,
  };
}

async function serve(scheduler: Scheduler, image: string, script: string): Promise<RolloutSpec> {
  const command = ["bash", "-c", script];
  const rollout = aRollout({ image, command, limits, bootTimeoutMs: timeoutMs });
  await scheduler.start(rollout, { signal: never, onOutput: () => undefined });
  await scheduler.promote(rollout.appId, rollout.rolloutId, { count: 1 });
  return rollout;
}

describe.skipIf(await lacksEngine())("on an engine without quotas", { timeout: timeoutMs }, () => {
  test("a command that writes more than it may is ended", async () => {
    await using opened = new AsyncDisposableStack();
    const { scheduler, stackImage } = openOn(await testEngine(), opened);
    if ((await scheduler.diskQuota()).containers) return;
    const { exit } = await run(scheduler, stackImage, `${fill}; sleep 600`);
    expect(exit).toMatchObject({ diskFull: "bytes", outOfMemory: false });
  });

  test("a file of a command is not larger than its disk", async () => {
    await using opened = new AsyncDisposableStack();
    const { scheduler, stackImage } = openOn(await testEngine(), opened);
    const { exit, text } = await run(scheduler, stackImage, "fallocate -l 20G /var/tmp/x; exit 3");
    expect(exit).toMatchObject({ exitCode: 3, diskFull: null });
    expect(text()).toContain("File size limit exceeded");
  });

  test("an instance that writes more than it may is started again at its address, without what it wrote", async () => {
    await using opened = new AsyncDisposableStack();
    const { scheduler, stackImage } = openOn(await testEngine(), opened);
    if ((await scheduler.diskQuota()).containers) return;
    const modest = await serve(scheduler, stackImage, listen);
    const greedy = await serve(scheduler, stackImage, `${fill}; ${listen}`);
    const [before] = await scheduler.instances(greedy.appId);
    const addresses = await scheduler.addresses(greedy.appId, greedy.rolloutId);
    expect(await scheduler.restartOverfull("bytes")).toMatchObject([{ appId: greedy.appId, index: 1 }]);
    const [after, ...others] = await scheduler.instances(greedy.appId);
    expect(others).toEqual([]);
    expect(after?.id).not.toBe(before?.id);
    expect(after).toMatchObject({ state: "running", rolloutId: greedy.rolloutId });
    expect(after?.restartReason).toMatch(/^the container wrote 6\d MiB, its limit is 32 MiB \(APP_DISK_MB\)/);
    expect(await scheduler.addresses(greedy.appId, greedy.rolloutId)).toEqual(addresses);
    expect(await scheduler.instances(modest.appId)).toMatchObject([{ restartReason: null }]);
  });

  test("an instance that writes more than it may while it boots fails its start with the limit", async () => {
    await using opened = new AsyncDisposableStack();
    const { scheduler, stackImage } = openOn(await testEngine(), opened);
    if ((await scheduler.diskQuota()).containers) return;
    const filled = Promise.withResolvers<void>();
    const rollout = aRollout({
      image: stackImage,
      command: ["bash", "-c", `${fill}; echo filled; sleep 600`],
      limits,
    });
    const started = scheduler.start(rollout, { signal: never, onOutput: () => filled.resolve() });
    started.catch(() => undefined);
    await Promise.race([filled.promise, started]);
    expect(await scheduler.restartOverfull("bytes")).toHaveLength(1);
    await expect(started).rejects.toMatchObject({
      code: "app-crashed",
      message: expect.stringContaining("it wrote more than its 32 MiB of disk (APP_DISK_MB)"),
    });
  });

  limitsFilesOn(testEngine);
});

describe.skipIf((await lacksPrivateEngine()) || (await lacksQuotaDisk()))(
  "on an engine with quotas",
  { timeout: timeoutMs },
  () => {
    const opened = new AsyncDisposableStack();
    let engine: TestEngine;
    beforeAll(async () => {
      const { stackImage } = await testEngine();
      const options = { name: "quotas", quotas: "qgroups" as const, images: [stackImage] };
      const { dockerHost } = opened.use(await startPrivateEngine(options));
      engine = { dockerHost, stackImage };
    }, timeoutMs);
    afterAll(() => opened.disposeAsync(), timeoutMs);

    test("a command and an instance cannot write more than they may", async () => {
      await using resources = new AsyncDisposableStack();
      const { scheduler, stackImage } = openOn(engine, resources);
      // A measurement may precede the kernel's limit: a quota may include the image's size, and btrfs enforces none while it counts, for
      // example after the removal of a container. So the command waits for a measurement.
      const { exit, text } = await run(scheduler, stackImage, `${fill}; sleep 600`);
      const refused = exit.exitCode === 9 && /No space left on device|Disk quota exceeded/.test(text());
      expect([refused, exit.diskFull]).not.toEqual([false, null]);
      const { appId } = await serve(scheduler, stackImage, `(${fill}); ${listen}`);
      const restarted = (await scheduler.restartOverfull("bytes")).map((one) => one.appId);
      expect([[], [appId]]).toContainEqual(restarted);
      expect(await scheduler.instances(appId)).toMatchObject([{ state: "running" }]);
    });

    limitsFilesOn(async () => engine);
  },
);

/** Tests for every engine, because no kernel limits the number of files. */
function limitsFilesOn(engineOf: () => Promise<TestEngine>): void {
  const opening = async (opened: AsyncDisposableStack) => openOn(await engineOf(), opened);

  test("a command that creates more files than it may is ended", async () => {
    await using opened = new AsyncDisposableStack();
    const { scheduler, stackImage } = await opening(opened);
    const { exit } = await run(scheduler, stackImage, `${fillWithFiles}; sleep 600`);
    expect(exit).toMatchObject({ diskFull: "files", outOfMemory: false });
  });

  test("an instance that creates more files than it may is started again without them", async () => {
    await using opened = new AsyncDisposableStack();
    const { scheduler, stackImage } = await opening(opened);
    const modest = await serve(scheduler, stackImage, listen);
    const greedy = await serve(scheduler, stackImage, `${fillWithFiles}; ${listen}`);
    const ended = await scheduler.restartOverfull("files");
    expect(ended).toEqual([{ appId: greedy.appId, index: 1, reason: ofFiles }]);
    const restartReason = `the container ${ofFiles}: it was started again with the files of its image`;
    expect(await scheduler.instances(greedy.appId)).toMatchObject([{ state: "running", restartReason }]);
    expect(await scheduler.instances(modest.appId)).toMatchObject([{ restartReason: null }]);
    for (const { appId } of [modest, greedy]) await scheduler.removeApp(appId);
  });

  test("an instance whose restart failed halfway is started by the next pass", async () => {
    await using opened = new AsyncDisposableStack();
    const { dockerHost } = await engineOf();
    const { scheduler, stackImage } = await opening(opened);
    const { docker } = opened.use(connectDocker({ dockerHost }));
    const { appId } = await serve(scheduler, stackImage, listen);
    const [former] = await scheduler.instances(appId);
    const { Config, HostConfig, Name } = await docker.getContainer(former?.id ?? "").inspect();
    // The state left by a worker that ended after it created the next container.
    const Labels = { ...Config.Labels, [restartReasonLabel]: "it wrote too much" };
    const next = { ...Config, Labels, HostConfig, name: `${Name.slice(1)}-next` };
    const { id } = await docker.createContainer(next);
    expect(await scheduler.restartOverfull("files")).toEqual([]);
    expect(await scheduler.instances(appId)).toMatchObject([{ id, state: "running" }]);
    await scheduler.removeApp(appId);
  });

  test("an instance that creates more files than it may while it boots fails its start with the limit", async () => {
    await using opened = new AsyncDisposableStack();
    const { scheduler, stackImage } = await opening(opened);
    const filled = Promise.withResolvers<void>();
    const command = ["bash", "-c", `${fillWithFiles}; echo filled; sleep 600`];
    const rollout = aRollout({ image: stackImage, command, limits, bootTimeoutMs: timeoutMs });
    const started = scheduler.start(rollout, { signal: never, onOutput: () => filled.resolve() });
    started.catch(() => undefined);
    await Promise.race([filled.promise, started]);
    expect(await scheduler.restartOverfull("files")).toHaveLength(1);
    await expect(started).rejects.toMatchObject({
      code: "app-crashed",
      message: expect.stringContaining(`it ${ofFiles}`),
    });
  });
}
