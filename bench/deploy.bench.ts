// A whole deployment, from posted to running, beside the same done by hand with the engine: run the build, commit, push, start.

import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import Docker from "dockerode";
import { ApiClient, followDeployment } from "@slipway/cli/quickstart";
import { label } from "@slipway/core";
import { readOwnConfig, setup, startApps } from "@slipway/setup";
import { freePort, packTar, packTarGz } from "@slipway/testkit";
import { answering, inlineApp } from "../test/e2e/apps.ts";
import { compare, units } from "./measure.ts";

/** Different every time, as builds are: an image that is there already would not be pushed. */
const results = [
  { title: "a small app", compile: "head -c 1000 /dev/urandom > built" },
  { title: "an app of 100 MB of text", compile: "head -c 75M /dev/urandom | base64 -w 120 > built" },
];
const listenPollMs = 10;
const releasePort = "5000/tcp";

await using opened = new AsyncDisposableStack();
const environment = await setup({ config: readOwnConfig("bench") });
const [apiPort, streamPort, routerPort] = [await freePort(), await freePort(), await freePort()];
const supervisor = await startApps(
  {
    ...environment,
    API_PORT: String(apiPort),
    STREAM_PORT: String(streamPort),
    ROUTER_PORT: String(routerPort),
    WORKERS: "1",
  },
  {
    say: () => {},
    logFolder: `${environment.DATA_DIR}/logs`,
    logFormat: "json",
    obeySignals: false,
  },
);
opened.defer(() => supervisor.stop());
const api = await ApiClient.connect(`http://127.0.0.1:${apiPort}`, environment.BOOTSTRAP_TOKEN);
const docker = new Docker();
/** By this label npm run down finds what a killed run left. */
const labels = { [label.installation]: environment.INSTALLATION_ID };
const network = await docker.createNetwork({ Name: `slipway-bench-${process.pid}`, Labels: labels });
opened.defer(() => network.remove());

for (const [index, { title, compile }] of results.entries()) {
  const files = inlineApp(compile, answering("bench"));
  await compare(
    `${title}, from posted to running`,
    [
      { name: "by hand: run, commit, push, run", run: () => byHand(files, compile) },
      { name: "a deployment", run: await deploying(`bench-${index}`, files) },
    ],
    { unit: units.milliseconds, warmUps: 1, rounds: 5 },
  );
}

/** @returns what deploys the app once, and how long that took as a follower of the deployment sees it. */
async function deploying(name: string, files: Record<string, string>): Promise<() => Promise<number>> {
  const app = (await api.findApp(name)) ?? (await api.createApp(name));
  const source = await api.upload(await packTarGz(files));
  return async () => {
    const startedAt = performance.now();
    const { id } = await api.createDeployment(name, source, "bench");
    const status = await followDeployment(
      {
        streamUrl: app.links.deployments_stream,
        token: api.token,
        deploymentId: id,
        signal: AbortSignal.timeout(300_000),
      },
      { onLine: () => {}, onStatus: () => {} },
    );
    if (status !== "success") throw new Error(`the deployment ended with ${status}`);
    return performance.now() - startedAt;
  };
}

async function byHand(files: Record<string, string>, compile: string): Promise<number> {
  await using left = new AsyncDisposableStack();
  const archive = await packTar(files);
  const startedAt = performance.now();
  const build = await docker.createContainer({
    Image: environment.STACK_IMAGE,
    Cmd: ["bash", "-c", compile],
    WorkingDir: "/sample",
    User: "0",
    Labels: labels,
    HostConfig: { NetworkMode: network.id },
  });
  left.defer(() => build.remove({ force: true, v: true }));
  await build.putArchive(archive, { path: "/" });
  await build.start();
  const { StatusCode: exitCode } = (await build.wait()) as { StatusCode: number };
  if (exitCode !== 0) throw new Error(`the build ended with ${exitCode}`);
  const [repo, tag] = [`${new URL(environment.REGISTRY_URL).host}/bench/by-hand`, build.id.slice(0, 12)];
  await build.commit({ repo, tag });
  const image = docker.getImage(`${repo}:${tag}`);
  left.defer(() => image.remove({ force: true }));
  await ended(await image.push({ authconfig: { username: "", password: "", serveraddress: "" } }));
  const port = await freePort();
  const release = await docker.createContainer({
    Image: `${repo}:${tag}`,
    Cmd: ["bash", "-c", answering("bench")],
    WorkingDir: "/sample",
    Env: ["PORT=5000"],
    Labels: labels,
    HostConfig: {
      NetworkMode: network.id,
      PortBindings: { [releasePort]: [{ HostIp: "127.0.0.1", HostPort: String(port) }] },
    },
    ExposedPorts: { [releasePort]: {} },
  });
  left.defer(() => release.remove({ force: true, v: true }));
  await release.start();
  await listening(release);
  return performance.now() - startedAt;
}

/** Only the progress of a push says whether it failed. */
async function ended(progress: NodeJS.ReadableStream): Promise<void> {
  const outcome = Promise.withResolvers<void>();
  docker.modem.followProgress(progress, (error) => (error ? outcome.reject(error) : outcome.resolve()));
  await outcome.promise;
}

/** A published port accepts before the app does, so this connects to the app itself. */
async function listening(release: Docker.Container): Promise<void> {
  const { NetworkSettings: settings } = await release.inspect();
  const host = Object.values(settings.Networks)[0]?.IPAddress ?? "";
  for (;;) {
    const socket = connect(5000, host);
    const accepted = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (accepted) return;
    await sleep(listenPollMs);
  }
}
