// The egress of hooks and releases on a Docker Swarm. Builds are the same there.

import { label } from "@slipway/core";
import type { AppBody } from "@slipway/protocol";
import { lacksEngine, lacksPrivateEngine, startPrivateEngine } from "@slipway/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SlipwayUnderTest } from "../chaos/slipway.ts";
import { answering, inlineApp } from "../e2e/apps.ts";
import {
  attacker,
  attacks,
  listenOnMachine,
  type MachineTargets,
  outcomesIn,
  type Targets,
} from "./egress-attacks.ts";

/** Containers of a private engine reach nothing outside of this machine, and no name server. Without the guard they reach this machine. */
const attacksHere = attacks.filter(([name]) => name !== "DNS works");

describe.skipIf((await lacksEngine()) || (await lacksPrivateEngine()))("a Docker Swarm", () => {
  const opened = new AsyncDisposableStack();
  let slipway: SlipwayUnderTest;
  let outcomes: ReadonlyMap<string, string>;

  beforeAll(async () => {
    const { dockerHost } = opened.use(await startPrivateEngine({ name: "egress-swarm", swarm: "manager" }));
    // The release attacks before it listens.
    const settings = { SCHEDULER: "swarm", SCHEDULER_DOCKER_HOST: dockerHost, BOOT_TIMEOUT_MS: "120000" };
    slipway = opened.use(await SlipwayUnderTest.start({ workers: [{}], settings }));
    const targets = await findTargets(opened.use(await listenOnMachine()));
    const app = await slipway.createApp("attacker");
    const log = await succeeded(app, attacker(targets));
    outcomes = outcomesIn(`${log}\n${await slipway.page(app)}`);
  });
  afterAll(() => opened.disposeAsync());

  describe.each(["hook", "release"])("in a %s", (place) => {
    test.for(attacksHere)("%s", ([name, , outcome]) => {
      expect(outcomes.get(`${place}: ${name}`)).toBe(outcome);
    });
  });

  /** Deploys an app. @returns the log. @throws when the deployment fails. */
  async function succeeded(app: AppBody, files: Readonly<Record<string, string>>): Promise<string> {
    const id = await slipway.deploy(app, files);
    const { status } = await slipway.ended(id);
    const log = (await slipway.store.logs.read(id, 1, 1_000)).map(({ text }) => text).join("\n");
    if (status !== "success") throw new Error(`the deployment ended as ${status}: ${log}`);
    return log;
  }

  /** Deploys the neighbor. */
  async function findTargets({ LISTENER, HOST }: MachineTargets): Promise<Targets> {
    const app = await slipway.createApp("neighbor");
    await succeeded(app, inlineApp("true", answering("here")));
    const [manager] = slipway.engines;
    const [container] =
      (await manager?.listContainers({ filters: { label: [`${label.app}=${app.id}`] } })) ?? [];
    const [network] = Object.values(container?.NetworkSettings.Networks ?? {});
    const { environment, store } = slipway;
    return {
      LISTENER,
      HOST,
      API: environment["API_PORT"] ?? "",
      REGISTRY: new URL(environment["REGISTRY_URL"] ?? "").port,
      NEIGHBOR: network?.IPAddress ?? "",
      NEIGHBOR_APP: app.name,
      NEIGHBOR_PORT: String((await store.apps.get(app.id))?.targets[0]?.port ?? ""),
    };
  }
});
