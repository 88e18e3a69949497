import { randomUUID } from "node:crypto";
import type { Scheduler } from "@slipway/core";
import { connectDocker } from "@slipway/docker";
import {
  aRollout,
  lacksEngine,
  newInstallation,
  packTar,
  pushImage,
  schedulerContract,
  startEngineProxy,
  startRegistry,
  testEngine,
} from "@slipway/testkit";
import { describe, expect, test } from "vitest";
import { openDockerScheduler } from "./docker-scheduler.ts";

/** A server that answers every client on all interfaces, and writes a line before it listens. */
const server = `exec perl -MIO::Socket::INET -e '
  $| = 1;
  print "about to listen\\n";
  my $server = IO::Socket::INET->new(LocalPort => $ENV{PORT}, Listen => 5, ReuseAddr => 1) or die;
  while (1) { my $client = $server->accept or next; close $client; }'`;
const execs = /^POST \/containers\/[^/]+\/exec$/;
const never = new AbortController().signal;

describe.skipIf(await lacksEngine())("on a Docker Engine", () => {
  schedulerContract("the scheduler for one Docker host", async () => {
    const { dockerHost, stackImage } = await testEngine();
    const installation = newInstallation();
    return {
      dockerHost,
      image: stackImage,
      open: () =>
        openDockerScheduler({ installationId: installation.id, dockerHost, watchImage: stackImage }),
      [Symbol.asyncDispose]: () => installation[Symbol.asyncDispose](),
    };
  });

  test("an instance on a bridge of this machine is found by connecting when no process can be started in it", async () => {
    const { dockerHost, stackImage } = await testEngine();
    await using installation = newInstallation();
    await using engine = await startEngineProxy(dockerHost, {
      refuse: (request) => (execs.test(request) ? { status: 500, message: "no exec" } : undefined),
    });
    await using scheduler = openDockerScheduler({
      ...engine,
      installationId: installation.id,
      watchImage: stackImage,
    });
    const { text } = await startServer(scheduler, stackImage);
    expect(text).toBe("about to listen\n");
  });

  test("an instance on a bridge that other engines also have is found by a probe from inside", async () => {
    const { dockerHost, stackImage } = await testEngine();
    await using installation = newInstallation();
    const looks: string[] = [];
    const onAnswer = async (request: string) => void (execs.test(request) && looks.push(request));
    await using engine = await startEngineProxy(dockerHost, { onAnswer });
    const options = {
      ...engine,
      installationId: installation.id,
      network: "bridge",
      watchImage: stackImage,
    };
    await using scheduler = openDockerScheduler(options);
    const { text } = await startServer(scheduler, stackImage);
    expect(text).toBe("about to listen\n");
    expect(looks).toHaveLength(1);
  });

  test("a release is up once the HEALTHCHECK of its image succeeds, and one that fails is explained", async () => {
    const { dockerHost, stackImage } = await testEngine();
    await using opened = new AsyncDisposableStack();
    const installation = opened.use(newInstallation());
    const { id: installationId } = installation;
    const scheduler = opened.use(openDockerScheduler({ dockerHost, installationId, watchImage: stackImage }));
    // Enough for one check on a busy machine.
    const bootTimeoutMs = 8_000;
    const checked = await withHealthcheck(
      opened,
      stackImage,
      "test -e /tmp/ready || { echo not ready; exit 3; }",
    );
    const makesReady = `(sleep 1; echo is ready; : >/tmp/ready) & ${server}`;
    expect((await startServer(scheduler, checked, { script: makesReady })).text).toContain("is ready");
    await expect(startServer(scheduler, checked, { bootTimeoutMs })).rejects.toMatchObject({
      code: "boot-timeout",
      message: expect.stringContaining(
        "but the HEALTHCHECK of its image did not succeed within 8 s: it exited with code 3: not ready",
      ),
    });
    const missing = await withHealthcheck(opened, stackImage, '["/nowhere/check"]');
    await expect(startServer(scheduler, missing, { bootTimeoutMs })).rejects.toMatchObject({
      message: expect.stringMatching(/did not succeed within .* s: it exited with code 12[67]/),
    });
  });

  test("a HEALTHCHECK that exceeds its timeout runs again, and one that closes its output is awaited", async () => {
    const { dockerHost, stackImage } = await testEngine();
    await using opened = new AsyncDisposableStack();
    const { id: installationId } = opened.use(newInstallation());
    const scheduler = opened.use(openDockerScheduler({ dockerHost, installationId, watchImage: stackImage }));
    const hangsOnce = "test -e /tmp/hung && exit; : >/tmp/hung; sleep 600";
    const hanging = await withHealthcheck(opened, stackImage, hangsOnce, "--timeout=1s");
    expect((await startServer(scheduler, hanging)).text).toContain("about to listen");
    const closesOutput = "exec >/dev/null 2>&1; sleep 6; test ! -e /tmp/twice && : >/tmp/twice";
    const silent = await withHealthcheck(opened, stackImage, closesOutput);
    expect((await startServer(scheduler, silent)).text).toContain("about to listen");
  });

  test("an instance whose HEALTHCHECK still runs at the time limit is explained by it, and so is one that exits", async () => {
    const { dockerHost, stackImage } = await testEngine();
    await using opened = new AsyncDisposableStack();
    const { id: installationId } = opened.use(newInstallation());
    const scheduler = opened.use(openDockerScheduler({ dockerHost, installationId, watchImage: stackImage }));
    const hangs = await withHealthcheck(opened, stackImage, "sleep 600");
    await expect(startServer(scheduler, hangs, { bootTimeoutMs: 8_000 })).rejects.toMatchObject({
      code: "boot-timeout",
      message: expect.stringMatching(/the HEALTHCHECK of its image did not end within 8 s$/),
    });
    const script = `${server} & while [ ! -e /tmp/checked ]; do sleep 0.1; done; exit 7`;
    const ends = await withHealthcheck(opened, stackImage, ": >/tmp/checked; sleep 600");
    await expect(startServer(scheduler, ends, { script })).rejects.toMatchObject({
      code: "app-crashed",
      message: expect.stringContaining("exited with code 7 before the HEALTHCHECK of its image succeeded"),
    });
  });

  test("an image is prepared by one pull, and one that is missing is reported", async () => {
    const { dockerHost, stackImage } = await testEngine();
    await using opened = new AsyncDisposableStack();
    const registry = opened.use(await startRegistry());
    const repository = `${registry.host}/apps/${randomUUID()}`;
    const path = repository.slice(registry.host.length + 1);
    const layer = await packTar({ content: randomUUID() });
    const digest = await pushImage(registry.url, { repository: path, tag: "d1", layer });
    const pulls: string[] = [];
    const onAnswer = async (request: string) =>
      void (request.startsWith("POST /images/create") && pulls.push(request));
    const engine = opened.use(await startEngineProxy(dockerHost, { onAnswer }));
    const installation = opened.use(newInstallation());
    const scheduler = opened.use(
      openDockerScheduler({ ...engine, installationId: installation.id, watchImage: stackImage }),
    );
    opened.defer(() => scheduler.removeImage(repository, digest, never));
    const prepare = (digestOf: string) => scheduler.prepareImage(`${repository}@${digestOf}`, never);
    await Promise.all([prepare(digest), prepare(digest)]);
    await prepare(digest);
    expect(pulls).toHaveLength(1);
    expect(await scheduler.imageDigests(repository, never)).toEqual([digest]);
    const missing = prepare(`sha256:${"0".repeat(64)}`);
    await expect(missing).rejects.toMatchObject({ code: "registry-unavailable" });
  });
});

test("a ping of an engine that does not exist fails with engine-unavailable", async () => {
  await using scheduler = openDockerScheduler({
    installationId: "test",
    watchImage: "none",
    dockerHost: "unix:///nowhere/docker.sock",
  });
  await expect(scheduler.ping()).rejects.toMatchObject({ code: "engine-unavailable" });
});

/** @returns the name of a copy of the image that has a HEALTHCHECK; it is removed with the stack. */
async function withHealthcheck(
  opened: AsyncDisposableStack,
  image: string,
  command: string,
  options = "",
): Promise<string> {
  const { dockerHost } = await testEngine();
  const { docker } = opened.use(connectDocker({ dockerHost }));
  const container = await docker.createContainer({ Image: image, Cmd: ["true"] });
  const name = `slipway-test-healthcheck-${randomUUID()}`;
  try {
    await container.commit({ repo: name, tag: "latest", changes: `HEALTHCHECK ${options} CMD ${command}` });
  } finally {
    await container.remove();
  }
  opened.defer(() => docker.getImage(name).remove({ force: true }));
  return name;
}

async function startServer(
  scheduler: Scheduler,
  image: string,
  { script = server, bootTimeoutMs = 20_000 } = {},
): Promise<{ readonly text: string }> {
  let text = "";
  const onOutput = (bytes: Uint8Array): void => void (text += Buffer.from(bytes).toString("utf8"));
  const rollout = aRollout({ image, command: ["bash", "-c", script], bootTimeoutMs });
  await scheduler.start(rollout, { signal: never, onOutput });
  return { text };
}
