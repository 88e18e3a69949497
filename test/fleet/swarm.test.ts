// Releases on a Docker Swarm from end to end: deployed, killed, scaled, replaced by a crashing release, deleted.

import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { label } from "@slipway/core";
import { clearEngine } from "@slipway/setup";
import { eventually, lacksEngine, lacksPrivateEngine, startPrivateEngine } from "@slipway/testkit";
import { SlipwayUnderTest } from "../chaos/slipway.ts";
import { reportStateOfFailed } from "../chaos/state.ts";
import { answering, inlineApp } from "../e2e/apps.ts";

describe.skipIf((await lacksEngine()) || (await lacksPrivateEngine()))("releases on a swarm", () => {
  const opened = new AsyncDisposableStack();
  let slipway: SlipwayUnderTest;
  beforeAll(async () => {
    const { dockerHost } = opened.use(await startPrivateEngine({ name: "manager", swarm: "manager" }));
    // Longer than a test's time limit: a test fails if a container ends only with its grace period.
    const settings = { SCHEDULER: "swarm", SCHEDULER_DOCKER_HOST: dockerHost, STOP_GRACE_MS: "300000" };
    slipway = opened.use(await SlipwayUnderTest.start({ workers: [{}], settings }));
  });
  afterAll(() => opened.disposeAsync());
  afterEach(({ task }) => reportStateOfFailed(task, slipway));

  test("an app on a swarm is deployed, survives its container, is scaled, survives a broken release, and is deleted", async () => {
    const app = await slipway.createApp("swarm");
    const untilAnswer = (text: string): Promise<true> =>
      eventually(async () => JSON.stringify(await answers(app)) === JSON.stringify([text]));
    const first = await slipway.deploy(app, inlineApp("true", `echo booting; ${answering("first")}`));
    expect((await slipway.ended(first)).status).toBe("success");
    expect(await answers(app)).toEqual(["first"]);
    expect(await logOf(first)).toContain("booting");

    const [before] = await targets(app);
    const [container] = await containers(app);
    await manager()
      .getContainer(container?.Id ?? "")
      .kill();
    await eventually(async () => (await targets(app))[0]?.port !== before?.port);
    await untilAnswer("first");

    const toTwo = { containers: [{ name: "web", amount: 2, size: "M" }] };
    expect((await slipway.request("POST", `/v1/apps/${app.name}/scale`, toTwo)).status).toBe(202);
    await eventually(async () => (await targets(app)).length === 2);
    expect(await answers(app)).toEqual(["first", "first"]);

    const broken = await slipway.deploy(app, inlineApp("true", "echo cannot; exit 3"));
    const ended = await slipway.ended(broken);
    expect(ended).toMatchObject({
      status: "crashed-error",
      failure: { code: "app-crashed", message: expect.stringContaining("exited with code 3") },
    });
    expect(await logOf(broken)).toContain("cannot");
    expect(await answers(app)).toEqual(["first", "first"]);

    expect((await slipway.request("DELETE", `/v1/apps/${app.name}?current_name=${app.name}`)).status).toBe(
      204,
    );
    await eventually(async () => (await containers(app)).length === 0);
    expect(await manager().listServices({ filters: { label: [`${label.app}=${app.id}`] } })).toEqual([]);
  });

  test("an aborted start leaves no container, even one that ignores SIGTERM", async () => {
    const app = await slipway.createApp("aborted");
    const id = await slipway.deploy(app, inlineApp("true", `trap "" TERM; echo deaf; sleep 600`));
    await eventually(async () => (await logOf(id)).includes("deaf"));
    expect(await containers(app)).toHaveLength(1);
    const path = `/v1/apps/${app.name}/deployments/${id}/abort`;
    expect((await slipway.request("POST", path)).status).toBeLessThan(300);
    expect((await slipway.ended(id)).status).toBe("aborted");
    await eventually(async () => (await containers(app)).length === 0);
  });

  test("clearEngine removes what is left of an installation on a swarm", async () => {
    const { installationId: id, environment } = slipway;
    const labels = { [label.installation]: id };
    const name = `left-${randomUUID().slice(0, 8)}`;
    const { id: network } = await manager().createNetwork({
      Name: name,
      Driver: "overlay",
      Labels: labels,
    });
    const TaskTemplate = {
      ContainerSpec: {
        Image: environment["STACK_IMAGE"] ?? "",
        Command: ["sleep", "600"],
        Labels: labels,
        Init: true,
      },
      Networks: [{ Target: network }],
    };
    await manager().createService({}, { Name: name, Labels: labels, TaskTemplate });
    await eventually(
      async () => (await manager().listContainers({ filters: { name: [name] } })).length === 1,
    );
    // Leftovers of an earlier attempt at these tests are counted too.
    const services = await manager().listServices({ filters: { label: [`${label.installation}=${id}`] } });
    const networks = await manager().listNetworks({ filters: { label: [`${label.installation}=${id}`] } });
    expect(services.map(({ Spec }) => Spec?.Name)).toContain(name);
    expect(networks.length).toBeGreaterThanOrEqual(2);
    const messages: string[] = [];
    const dataDir = environment["DATA_DIR"] ?? "";
    await clearEngine(manager(), { id, dataDir, deleteData: false }, (text) => messages.push(text));
    const counts = new RegExp(`^removed ${services.length} services, .*${networks.length} networks`);
    expect(messages).toEqual([expect.stringMatching(counts)]);
    expect(await manager().listServices()).toEqual([]);
    expect(await manager().listContainers({ all: true })).toEqual([]);
  });

  interface AppId {
    readonly id: string;
  }

  /** The engine of the releases. */
  function manager() {
    const [engine] = slipway.engines;
    if (engine === undefined) throw new Error("there is no engine");
    return engine;
  }

  async function targets({ id }: AppId) {
    return (await slipway.store.apps.get(id))?.targets ?? [];
  }

  async function containers({ id }: AppId) {
    return await manager().listContainers({ all: true, filters: { label: [`${label.app}=${id}`] } });
  }

  /** The answer of each instance; "" for an instance that does not answer. */
  async function answers(app: AppId): Promise<string[]> {
    const pages = (await targets(app)).map(async ({ host, port }) => {
      const page = await fetch(`http://${host}:${port}/`).catch(() => null);
      return page === null ? "" : await page.text();
    });
    return await Promise.all(pages);
  }

  async function logOf(id: string): Promise<string> {
    const chunks = await slipway.store.logs.read(id, 1, 1_000);
    return chunks.map(({ text }) => text).join("\n");
  }
});
