import { randomUUID } from "node:crypto";
import type { Healthcheck, RolloutSpec, Scheduler } from "@slipway/core";
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

  test("a HEALTHCHECK that cannot be executed is explained", async () => {
    const { dockerHost, stackImage } = await testEngine();
    await using opened = new AsyncDisposableStack();
    const { id: installationId } = opened.use(newInstallation());
    const scheduler = opened.use(openDockerScheduler({ dockerHost, installationId, watchImage: stackImage }));
    const healthcheck = { command: ["/nowhere/check"], timeoutMs: 30_000 };
    // Enough for one check on a busy machine.
    const started = startServer(scheduler, stackImage, { healthcheck, bootTimeoutMs: 8_000 });
    await expect(started).rejects.toMatchObject({
      message: expect.stringMatching(/did not succeed within .* s: it exited with code 12[67]/),
    });
  });

  test("a HEALTHCHECK that exceeds its timeout runs again, and one that closes its output is awaited", async () => {
    const { dockerHost, stackImage } = await testEngine();
    await using opened = new AsyncDisposableStack();
    const { id: installationId } = opened.use(newInstallation());
    const scheduler = opened.use(openDockerScheduler({ dockerHost, installationId, watchImage: stackImage }));
    const hangsOnce = "test -e /tmp/hung && exit; : >/tmp/hung; sleep 600";
    const hanging = { healthcheck: healthcheckOf(hangsOnce, 1_000) };
    expect((await startServer(scheduler, stackImage, hanging)).text).toContain("about to listen");
    const closesOutput = "exec >/dev/null 2>&1; sleep 6; test ! -e /tmp/twice && : >/tmp/twice";
    const silent = { healthcheck: healthcheckOf(closesOutput) };
    expect((await startServer(scheduler, stackImage, silent)).text).toContain("about to listen");
  });

  test("an instance whose HEALTHCHECK still runs at the time limit is explained by it, and so is one that exits", async () => {
    const { dockerHost, stackImage } = await testEngine();
    await using opened = new AsyncDisposableStack();
    const { id: installationId } = opened.use(newInstallation());
    const scheduler = opened.use(openDockerScheduler({ dockerHost, installationId, watchImage: stackImage }));
    const hanging = { healthcheck: healthcheckOf("sleep 600"), bootTimeoutMs: 8_000 };
    await expect(startServer(scheduler, stackImage, hanging)).rejects.toMatchObject({
      code: "boot-timeout",
      message: expect.stringMatching(/the HEALTHCHECK of its image did not end within 8 s$/),
    });
    const script = `${server} & while [ ! -e /tmp/checked ]; do sleep 0.1; done; exit 7`;
    const healthcheck = healthcheckOf(": >/tmp/checked; sleep 600");
    await expect(startServer(scheduler, stackImage, { script, healthcheck })).rejects.toMatchObject({
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

function healthcheckOf(script: string, timeoutMs = 30_000): Healthcheck {
  return { command: ["/bin/sh", "-c", script], timeoutMs };
}

async function startServer(
  scheduler: Scheduler,
  image: string,
  { script = server, ...changes }: Partial<RolloutSpec> & { readonly script?: string } = {},
): Promise<{ readonly text: string }> {
  let text = "";
  const onOutput = (bytes: Uint8Array): void => void (text += Buffer.from(bytes).toString("utf8"));
  const rollout = aRollout({ image, command: ["bash", "-c", script], ...changes });
  await scheduler.start(rollout, { signal: never, onOutput });
  return { text };
}
