// Operations on a running app: scaling, restarting, listing, and returning to an earlier release.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, inject, test } from "vitest";
import { eventually, packTarGz } from "@slipway/testkit";
import { answering, inlineApp } from "./apps.ts";
import {
  call,
  createApp,
  deploy,
  deployed,
  ended,
  operated,
  operationEnded,
  output,
  page,
  requested,
  showApp,
  showOperation,
  toScale,
  visit,
} from "./slipway.ts";
import type { AppJson, DeploymentJson } from "./slipway.ts";

interface ContainerJson {
  readonly id: string;
  readonly label: string;
  readonly state: string;
  readonly command: string;
}

interface ReleaseJson {
  readonly number: number;
  readonly current: boolean;
  readonly image: string;
}

test("an app is scaled, restarted with its current variables, and stopped", async () => {
  const app = await createApp("scaled");
  await deployed(app.name, await packTarGz(inlineApp("true", answering("$CONTAINER says $GREETING"))));
  await call("POST", `/v1/apps/${app.name}/variables`, { variable: { name: "GREETING", value: "ahoy" } });
  expect(await page(app.name)).toBe("web-1 says ");

  expect(await operated(app, "scale", toScale(2))).toMatchObject({ status: "done", type: "scale" });
  const two = await containers(app);
  expect(two.map(({ label, state }) => [label, state])).toEqual([
    ["web-1", "running"],
    ["web-2", "running"],
  ]);
  expect(two[0]?.command).toContain("perl serve.pl");
  expect(await amount(app)).toBe(2);
  await eventually(async () => (await page(app.name)) === "web-2 says ahoy");
  await eventually(async () => (await page(app.name)) === "web-1 says ahoy");

  expect(await operated(app, "restart", {})).toMatchObject({ status: "done", type: "restart" });
  const restarted = await containers(app);
  expect(restarted.map(({ label }) => label)).toEqual(["web-1", "web-2"]);
  expect(restarted.filter(({ id }) => two.some((former) => former.id === id))).toEqual([]);
  expect(await page(app.name)).toMatch(/says ahoy/);

  expect(await operated(app, "scale", toScale(0))).toMatchObject({ status: "done" });
  expect(await containers(app)).toEqual([]);
  expect((await showApp(app.name)).status).toBe("stopped");
  expect((await visit(new URL(app.url))).status).toBe(503);

  const stays = await deployed(app.name, await packTarGz(inlineApp("true", answering("second"))));
  expect(stays.deployment.status).toBe("success");
  expect(stays.log).toContain("scaled to 0");
  expect(await containers(app)).toEqual([]);
  expect(await operated(app, "scale", toScale(1))).toMatchObject({ status: "done" });
  expect(await page(app.name)).toBe("second");
  expect((await showApp(app.name)).status).toBe("running");
});

test("an app is scaled before its first deployment, and while one runs", async () => {
  const app = await createApp("early");
  expect(await operated(app, "scale", toScale(2))).toMatchObject({ status: "done" });
  expect(await amount(app)).toBe(2);
  const source = await packTarGz(
    inlineApp("for i in 1 2 3 4 5 6; do sleep 0.5; done", answering("$CONTAINER")),
  );
  const building = await deploy(app.name, source);
  await eventually(async () => (await shown(app, building)).status === "building");
  const scaling = await requested(app, "scale", toScale(1));
  const restart = await requested(app, "restart", {}).catch((error: unknown) => error);
  expect(restart).toEqual(new Error("409"));
  expect((await showOperation(scaling)).status).toBe("pending");
  expect((await ended(app.name, building.id)).status).toBe("success");
  expect((await operationEnded(scaling)).status).toBe("done");
  expect((await containers(app)).map(({ label }) => label)).toEqual(["web-1"]);
  expect(await page(app.name)).toBe("web-1");
});

test("an app is restarted while all workers build, and the workers' logs record both", async () => {
  const app = await createApp("beside");
  const first = await deployed(app.name, await packTarGz(inlineApp("true", answering("here"))));
  const long = await packTarGz(inlineApp("sleep 600", answering("never")));
  const builds = await Promise.all(
    ["one", "two"].map(async (name) => {
      const other = await createApp(name);
      return { other, building: await deploy(other.name, long) };
    }),
  );
  const statuses = () =>
    Promise.all(builds.map(async ({ other, building }) => (await shown(other, building)).status));
  await eventually(async () => (await statuses()).every((status) => status === "building"));
  const restart = await operated(app, "restart", {});
  expect(restart).toMatchObject({ status: "done" });
  expect(await statuses()).toEqual(["building", "building"]);
  for (const { other, building } of builds)
    await call("POST", `/v1/apps/${other.name}/deployments/${building.id}/abort`);

  const common = { app: app.id, appName: app.name, attempt: 1 };
  const durationMs = expect.any(Number);
  const deploymentFields = { ...common, deployment: first.deployment.id };
  expect(await logged(first.deployment.id)).toMatchObject([
    { ...deploymentFields, msg: "deployment attempt started" },
    { ...deploymentFields, msg: "deployment attempt ended", status: "success", durationMs },
  ]);
  const restarted = { ...common, operation: restart.id };
  expect(await logged(restart.id)).toMatchObject([
    { ...restarted, msg: "operation attempt started" },
    { ...restarted, msg: "operation attempt ended", status: "done", durationMs },
  ]);
});

test("a restart whose processes do not start keeps the former ones serving, and reports why", async () => {
  const app = await createApp("crash");
  const web = `[ "$BROKEN" = yes ] && { echo "cannot go on with $API_SECRET"; exit 3; }; ${answering("good")}`;
  await deployed(app.name, await packTarGz(inlineApp("true", web)));
  const variables = [
    { name: "BROKEN", value: "yes" },
    { name: "API_SECRET", value: "hunter2-hunter2" },
  ];
  await call("PUT", `/v1/apps/${app.name}/variables`, { variables });
  const before = await containers(app);
  const failed = await operated(app, "restart", {});
  expect(failed).toMatchObject({ status: "error", error: expect.stringContaining("cannot go on with") });
  expect(failed.error).not.toContain("hunter2");
  expect(await operated(app, "scale", toScale(2))).toMatchObject({ status: "error" });
  expect(await amount(app)).toBe(1);
  expect(await page(app.name)).toBe("good");
  // The last check of the app may have occurred while the new containers started.
  const ids = (found: readonly ContainerJson[]) => found.map(({ id }) => id).join();
  await eventually(async () => ids(await containers(app)) === ids(before));
  expect((await showApp(app.name)).status).toBe("running");
});

test("an app returns to an earlier release without a build", async () => {
  const app = await createApp("back");
  const first = await deployed(app.name, await packTarGz(inlineApp("true", answering("one"))), "v1");
  await deployed(app.name, await packTarGz(inlineApp("true", answering("two"))), "v2");
  expect(await page(app.name)).toBe("two");
  const back = await call<{ deployment: DeploymentJson }>("POST", `/v1/apps/${app.name}/deployments`, {
    deployment: { release: 1 },
  });
  const end = await ended(app.name, back.deployment.id);
  expect(end).toMatchObject({
    status: "success",
    git_ref: "v1",
    previous_git_ref: "v2",
    image: first.deployment.image,
    image_size: first.deployment.image_size,
  });
  const log = await output(app.name, end.id);
  expect(log).toContain("release v1");
  expect(log).not.toMatch(/detected|fetching/i);
  expect(await page(app.name)).toBe("one");
  const { releases } = await call<{ releases: ReleaseJson[] }>("GET", `/v1/apps/${app.name}/releases`);
  expect(releases.map(({ number, current }) => [number, current])).toEqual([
    [3, true],
    [2, false],
    [1, false],
  ]);
  expect(releases[0]?.image).toBe(releases[2]?.image);
});

/** The workers' log lines about the attempts at an ended deployment or operation. */
async function logged(id: string): Promise<Record<string, unknown>[]> {
  return eventually(async () => {
    const files = ["worker-1.log", "worker-2.log"].map((name) => readFile(join(inject("logFolder"), name)));
    const lines = (await Promise.all(files)).join("").split("\n");
    const found = lines.filter((line) => line.includes(id) && line.includes(" attempt "));
    return found.length > 1 && found.map((line) => JSON.parse(line) as Record<string, unknown>);
  });
}

async function containers(app: AppJson): Promise<ContainerJson[]> {
  return (await call<{ containers: ContainerJson[] }>("GET", `/v1/apps/${app.name}/ps`)).containers;
}

async function amount(app: AppJson): Promise<number | undefined> {
  const path = `/v1/apps/${app.name}/containers`;
  return (await call<{ containers: { amount: number }[] }>("GET", path)).containers[0]?.amount;
}

async function shown(app: AppJson, { id }: DeploymentJson): Promise<DeploymentJson> {
  const path = `/v1/apps/${app.name}/deployments/${id}`;
  return (await call<{ deployment: DeploymentJson }>("GET", path)).deployment;
}
