import { Readable } from "node:stream";
import type Docker from "dockerode";
import { describe, expect, test } from "vitest";
import { poll } from "@slipway/async";
import { label } from "@slipway/core";
import type { BuildEngine, Labels, LoopbackServer, SandboxSpec } from "@slipway/core";
import { connectDocker, removeContainer, statusOf } from "@slipway/docker";
import { engineFront, lacksEngine, newInstallation, testEngine } from "@slipway/testkit";
import { openEngine } from "../docker-engine.ts";

const never = new AbortController().signal;
const port = 5000;
const waiting = { everyMs: 20, limitMs: 60_000 };

describe.skipIf(await lacksEngine())("on a Docker Engine", () => {
  test("a relay is started before the sandbox that uses it, and serves no other one", async () => {
    await using used = await oneSandboxUsed();
    const spare = await used.spareId();
    await using sandbox = await used.engine.createSandbox(used.spec(answering("second")), never);
    const { HostConfig } = await used.docker.getContainer(sandbox.id).inspect();
    expect(HostConfig.NetworkMode).toBe(`container:${spare}`);
    expect(await outputOf(sandbox)).toBe("second");
    await sandbox[Symbol.asyncDispose]();
    await expect(used.docker.getContainer(spare).inspect()).rejects.toMatchObject({ statusCode: 404 });
    expect(await used.spareId()).not.toBe(spare);
  });

  test("a spare relay that has ended is not used", async () => {
    await using used = await oneSandboxUsed();
    const spare = await used.spareId();
    await used.docker.getContainer(spare).kill();
    expect(await poll(async () => !(await used.relays()).includes(spare), waiting)).toBe(true);
    await using sandbox = await used.engine.createSandbox(used.spec(answering("another")), never);
    expect(await outputOf(sandbox)).toBe("another");
  });

  test("a spare relay for another port is removed", async () => {
    await using used = await oneSandboxUsed();
    const spare = await used.spareId();
    const other = { ...used.spec(answering("other")), ...commandOf(port + 1) };
    const loopback = { ...answering("other"), image: other.image, port: port + 1 };
    await using sandbox = await used.engine.createSandbox({ ...other, loopback }, never);
    expect(await outputOf(sandbox)).toBe("other");
    expect(await poll(async () => !(await used.relays()).includes(spare), waiting)).toBe(true);
  });

  test("a spare relay does not outlive its worker's connection to the engine", async () => {
    await using used = await oneSandboxUsed();
    await used.spareId();
    used.disconnect();
    expect(await poll(async () => (await used.containers()) === 0, waiting)).toBe(true);
  });

  test("a relay that a crashed worker created and did not start is removed after ten minutes", async () => {
    await using used = await oneSandboxUsed({ now: () => new Date(Date.now() + 9 * 60_000) });
    const unstarted = await used.createUnstarted({});
    await (await used.engine.createSandbox(used.spec(answering("second")), never))[Symbol.asyncDispose]();
    await used.spareId();
    expect((await unstarted.inspect()).State.Status).toBe("created");
    const later = used.openEngine({ now: () => new Date(Date.now() + 11 * 60_000) });
    await (await later.createSandbox(used.spec(answering("third")), never))[Symbol.asyncDispose]();
    expect(await poll(() => isMissing(unstarted), waiting)).toBe(true);
  });

  test("a relay whose sandbox was not created is listed for removal, a spare one is not", async () => {
    await using used = await oneSandboxUsed();
    await used.spareId();
    expect(await used.engine.listSandboxes()).toEqual([]);
    const labels = { [label.deployment]: "d1", [label.attempt]: "1" };
    const unstarted = await used.createUnstarted(labels);
    const listed = await used.engine.listSandboxes();
    expect(listed).toEqual([expect.objectContaining(labels)]);
    await used.engine.removeSandboxes(labels);
    expect(await isMissing(unstarted)).toBe(true);
  });

  test("disposing of the engine removes the spare relay, even while it starts", async () => {
    await using used = await oneSandboxUsed();
    await used.engine[Symbol.asyncDispose]();
    expect(await used.relays()).toEqual([]);
  });
});

/** An engine on which a sandbox with a relay has ended. */
async function oneSandboxUsed(clock: { readonly now?: () => Date } = {}) {
  const { dockerHost, stackImage: image } = await testEngine();
  await using opened = new AsyncDisposableStack();
  const installation = opened.use(newInstallation());
  const { docker } = opened.use(connectDocker({ dockerHost }));
  const front = opened.use(await engineFront(dockerHost));
  const open = (given: typeof clock) =>
    openEngine({ installationId: installation.id, dockerHost: front.dockerHost, ...given });
  const engine = opened.use(open(clock));
  const spec = (loopback: LoopbackServer): SandboxSpec => ({
    image,
    ...commandOf(port),
    environment: { PATH: "/usr/local/bin:/usr/bin:/bin" },
    labels: {},
    limits: { memoryBytes: 2 ** 28, cpus: 1, pids: 64, tmpfsBytes: 2 ** 24, diskBytes: 2 ** 28 },
    loopback: { ...loopback, image },
  });
  const relays = () => relaysOf(docker, installation.id);
  const filters = { label: [`${label.installation}=${installation.id}`] };
  {
    await using sandbox = await engine.createSandbox(spec(answering("first")), never);
    expect(await outputOf(sandbox)).toBe("first");
  }
  const owned = opened.move();
  return {
    docker,
    engine,
    openEngine: (given: typeof clock) => owned.use(open(given)),
    createUnstarted: async (labels: Labels) => {
      const ofRelay = { ...labels, [label.installation]: installation.id, [label.kind]: "build-companion" };
      const container = await docker.createContainer({ Image: image, Labels: ofRelay });
      owned.defer(() => removeContainer(docker, container.id));
      return container;
    },
    spec,
    relays,
    containers: async () => (await docker.listContainers({ all: true, filters })).length,
    disconnect: () => front.close(),
    spareId: async (): Promise<string> => {
      const found = await poll(async () => (await relays())[0], waiting);
      if (found === undefined) throw new Error("no spare relay was started");
      return found;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function commandOf(at: number): Pick<SandboxSpec, "command"> {
  return { command: ["curl", "-sS", `http://127.0.0.1:${at}/`] };
}

function answering(text: string): LoopbackServer {
  const body = () =>
    Object.assign(Readable.from([Buffer.from(text)]), { [Symbol.asyncDispose]: async () => {} });
  return { port, image: "", handle: async () => ({ status: 200, headers: {}, body: body() }) };
}

async function outputOf(sandbox: Awaited<ReturnType<BuildEngine["createSandbox"]>>): Promise<string> {
  let text = "";
  await sandbox.run({ signal: never, onOutput: (bytes) => void (text += Buffer.from(bytes).toString()) });
  return text;
}

async function isMissing(container: Docker.Container): Promise<boolean> {
  return await container.inspect().then(
    () => false,
    (error: unknown) => statusOf(error) === 404,
  );
}

/** Ids of the installation's running relays. */
async function relaysOf(docker: Docker, installationId: string): Promise<readonly string[]> {
  const labels = [`${label.installation}=${installationId}`, `${label.kind}=build-companion`];
  const found = await docker.listContainers({ filters: { label: labels } });
  return found.map(({ Id }) => Id);
}
