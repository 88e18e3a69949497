// What an app waits for while other apps are deployed: a restart during builds, and a build while other apps start.

import { poll } from "@slipway/async";
import { deploymentAnswer, operationAnswer } from "@slipway/protocol";
import { packTarGz } from "@slipway/testkit";
import { answering, inlineApp } from "../test/e2e/apps.ts";
import { compare, units } from "./measure.ts";
import { wantsRow } from "./rows.ts";
import { followToSuccess, setUpServices, startSlipway } from "./slipway.ts";
import type { BenchApp } from "./slipway.ts";

const buildSlots = 2;
const pollMs = 20;
const version = "bench";
const options = { unit: units.seconds, warmUps: 1, rounds: 5 };

await using opened = new AsyncDisposableStack();
const slipway = opened.use(
  await startSlipway({ ...(await setUpServices()), CONCURRENCY: String(buildSlots) }),
);
const { api } = slipway;

const restartRow = "restart of a healthy app";
if (wantsRow(restartRow)) {
  const deploy = await deployingTo("waiting-healthy", inlineApp("true", answering(version)));
  await deploy();
  const restart = () => timed(() => restarted("waiting-healthy"));
  await compare(
    restartRow,
    [
      { name: "nothing else runs", run: restart },
      {
        name: "all build slots are taken",
        run: () => during({ compile: "sleep 600", web: answering(version), status: "building" }, restart),
      },
    ],
    options,
  );
}

const buildRow = "deployment with a build of 2 s";
if (wantsRow(buildRow)) {
  const deploy = await deployingTo("waiting-build", inlineApp("sleep 2", answering(version)));
  await compare(
    buildRow,
    [
      { name: "nothing else runs", run: () => timed(deploy) },
      {
        name: "as many other apps start",
        run: () =>
          during({ compile: "true", web: `sleep 50; ${answering(version)}`, status: "starting" }, () =>
            timed(deploy),
          ),
      },
    ],
    options,
  );
}

interface Others {
  readonly compile: string;
  readonly web: string;
  /** The status of their deployments during the measurement. */
  readonly status: string;
}

/** Runs the measurement while the deployments of other apps have the status, and aborts them afterwards. */
async function during({ compile, web, status }: Others, run: () => Promise<number>): Promise<number> {
  const archive = await packTarGz(inlineApp(compile, web));
  const others = Array.from({ length: buildSlots }, async (_, index) => {
    const app = await slipway.findOrCreateApp(`waiting-${status}-${index}`);
    const { id } = await api.createDeployment(app.name, await api.upload(archive), version);
    await poll(async () => (await api.deployment(app.name, id)).status === status, { everyMs: pollMs });
    return async () => {
      await api.send("POST", `/apps/${app.name}/deployments/${id}/abort`, {}, deploymentAnswer);
      await poll(async () => (await api.deployment(app.name, id)).status === "aborted", { everyMs: pollMs });
    };
  });
  const abortAll = await Promise.all(others);
  const value = await run();
  await Promise.all(abortAll.map((abort) => abort()));
  return value;
}

/** @returns a function that deploys the app once, and waits until it runs. */
async function deployingTo(name: string, files: Record<string, string>): Promise<() => Promise<void>> {
  const app: BenchApp = await slipway.findOrCreateApp(name);
  const source = await api.upload(await packTarGz(files));
  return async () => {
    const { id } = await api.createDeployment(name, source, version);
    await followToSuccess(slipway, { app, deploymentId: id });
  };
}

async function restarted(app: string): Promise<void> {
  const response = await api.request("POST", `/apps/${app}/restart`, {});
  const location = response.headers.get("location");
  if (!response.ok || location === null)
    throw new Error(`The API answered a restart with ${response.status}: ${await response.text()}`);
  const id = location.slice(location.lastIndexOf("/") + 1);
  await poll(
    async () => {
      const { operation } = await api.get(`/apps/${app}/operations/${id}`, operationAnswer);
      if (operation.status === "error") throw new Error(`The restart failed: ${operation.error}`);
      return operation.status === "done";
    },
    { everyMs: pollMs },
  );
}

/** @returns the duration in milliseconds. */
async function timed(run: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await run();
  return performance.now() - startedAt;
}
