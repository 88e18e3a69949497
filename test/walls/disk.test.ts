// Builds, hooks and apps that fill the disk, on an engine without quotas and on one with quotas, and hooks and apps on a Docker Swarm: each
// is ended or rejected, its owner gets the reason, and worker, engine and disk are unharmed.

import type { DiskQuota } from "@slipway/core";
import { connectDocker, openDiskQuota, type RegistryAuth } from "@slipway/docker";
import {
  eventually,
  lacksEngine,
  lacksPrivateEngine,
  lacksQuotaDisk,
  type PrivateEngine,
  startPrivateEngine,
  testEngine,
} from "@slipway/testkit";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { SlipwayUnderTest } from "../chaos/slipway.ts";
import { answering, inlineApp, servePl } from "../e2e/apps.ts";
import {
  type Attack,
  attacks,
  createdTooMany,
  creatingApp,
  fillingApp,
  limits,
  releaseAttacks,
} from "./disk-attacks.ts";
import { type Attacked, beforeAttacks } from "./unharmed.ts";

/** Several attacks run at a time, because most of them wait for a watch. */
const settings = {
  ...limits,
  CONCURRENCY: "3",
  START_CONCURRENCY: "2",
  EGRESS: "open",
  BUILDERS: "buildpacks dockerfile",
  // No process is killed here, so a slow machine must not look like a dead worker.
  LEASE_MS: "30000",
  // A starting app is measured every 15 s, on a busy machine less often.
  BOOT_TIMEOUT_MS: "120000",
};

describe.skipIf(await lacksEngine())("an engine without quotas", () => {
  attacksOn(testEngine);
});

describe.skipIf((await lacksPrivateEngine()) || (await lacksQuotaDisk()))("an engine with quotas", () => {
  attacksOn(() => startPrivateEngine({ name: "walls", quotas: "simple" }));
});

describe.skipIf((await lacksEngine()) || (await lacksPrivateEngine()))("a Docker Swarm", () => {
  const start = () => startPrivateEngine({ name: "walls-swarm", swarm: "manager" });
  attacksOn(start, { scheduler: "swarm" });
});

/** @param options.scheduler "swarm" only for hooks and apps: builds are the same there. */
function attacksOn(
  start: () => Promise<{ readonly dockerHost: string } | PrivateEngine>,
  { scheduler }: { readonly scheduler: "docker" | "swarm" } = { scheduler: "docker" },
): void {
  const opened = new AsyncDisposableStack();
  let slipway: SlipwayUnderTest;
  let quota: DiskQuota;
  let attacked: Attacked;

  beforeAll(async () => {
    const engine = await start();
    if (Symbol.asyncDispose in engine) opened.use(engine);
    const { dockerHost } = engine;
    const there = { DOCKER_HOST: dockerHost, SCHEDULER_DOCKER_HOST: dockerHost, SCHEDULER: scheduler };
    slipway = opened.use(
      await SlipwayUnderTest.start({ workers: [{}], settings: { ...settings, ...there } }),
    );
    const connection = opened.use(connectDocker({ dockerHost, registryAuth: registryLogin() }));
    quota = await openDiskQuota(connection.docker, slipway.installationId)();
    attacked = await beforeAttacks(slipway, connection);
  });
  afterAll(() => opened.disposeAsync());

  test.concurrent.for(scheduler === "swarm" ? releaseAttacks : attacks)(
    "$name: ended, explained, and nothing is harmed",
    async (attack) => {
      const app = await slipway.createApp("disk");
      const id = await slipway.deploy(app, filesOf(attack));
      const { status, failure, attempt } = await slipway.ended(id);
      const log = await logOf(id);
      // Failures of the user are never retried.
      const wanted = attack.outcomes(quota).map((one) => ({
        attempt: 1,
        status: one.status,
        failure: one.failure,
        log: expect.stringContaining(one.reads),
      }));
      const seen = { attempt, status, failure: failure?.code ?? null, log };
      expect(seen).toEqual(expect.toBeOneOf(wanted));
      await attacked.unharmedAfter(id);
    },
  );

  if (scheduler === "docker") ofBuilds();

  function ofBuilds(): void {
    test.concurrent("sparse files in a cache are neither stored nor restored", async () => {
      const app = await slipway.createApp("cache");
      const files = inlineApp('ls -A "$2"; truncate -s 60M "$2/a" "$2/b"', answering("up"));
      for (const _ of ["first", "second"]) {
        const id = await slipway.deploy(app, files);
        expect((await slipway.ended(id)).status).toBe("success");
        const log = await logOf(id);
        expect(log).toContain("The build cache is deleted, and the next build begins without it");
        expect(log).not.toMatch(/^a$/m);
        await attacked.unharmedAfter(id);
      }
    });

    test.concurrent("an app whose Dockerfile filled the disk is deployed by its next Dockerfile", async () => {
      const app = await slipway.createApp("disk");
      const filling = await slipway.deploy(app, dockerfileApp("RUN fallocate -l 1G /x"));
      expect((await slipway.ended(filling)).failure?.code).toBe("build-disk-full");
      const id = await slipway.deploy(app, dockerfileApp("RUN echo next >/text"));
      expect(await slipway.ended(id)).toMatchObject({ status: "success", attempt: 1 });
      expect(await slipway.page(app)).toBe("next");
      await attacked.unharmedAfter(id);
    });
  }

  test.concurrent("an app fills its disk: it keeps serving, and its owner reads why it was started again", async () => {
    const app = await slipway.createApp("disk");
    const id = await slipway.deploy(app, fillingApp);
    expect((await slipway.ended(id)).status).toBe("success");
    // The app may be ended before it responds.
    await slipway.page(app, "/fill").catch(() => undefined);
    const ended = `its limit is ${limits.APP_DISK_MB} MiB (APP_DISK_MB)`;
    if (!quota.containers) await eventually(async () => (await restartReason(app.name))?.includes(ended));
    await eventually(async () => (await slipway.page(app).catch(String)) === "up");
    // The kernel may have rejected the writes in time.
    const { containers: mayBeHeld, includesImage } = quota;
    const reason = (await restartReason(app.name)) ?? (mayBeHeld ? ended : "none");
    expect(mayBeHeld && !includesImage ? reason === ended : reason.includes(ended)).toBe(true);
    await attacked.unharmedAfter(id);
  });

  test.concurrent("an app creates very many files: it is started again without them, and its owner reads why", async () => {
    const app = await slipway.createApp("disk");
    const id = await slipway.deploy(app, creatingApp);
    expect((await slipway.ended(id)).status).toBe("success");
    // The app may be ended before it responds.
    await slipway.page(app, "/fill").catch(() => undefined);
    await eventually(async () => (await restartReason(app.name))?.includes(createdTooMany));
    await eventually(async () => (await slipway.page(app).catch(String)) === "up");
    await attacked.unharmedAfter(id);
  });

  test("the attacks leave the disk as it was", async () => {
    await expect(attacked.diskIsFree()).resolves.toBeUndefined();
  });

  function filesOf({ dockerfile, compile = "true", web = answering("up"), hook }: Attack) {
    if (dockerfile !== undefined) return dockerfileApp(dockerfile);
    const files = inlineApp(compile, web);
    const procfile = files["sample/Procfile"] ?? "";
    return {
      ...files,
      "sample/Procfile": hook === undefined ? procfile : `${procfile}postdeploy: ${hook}\n`,
    };
  }

  /** An app whose web process answers with the content of /text. */
  function dockerfileApp(instructions: string) {
    const command = `CMD ["bash", "-c", "cd /srv && exec perl serve.pl $(cat /text)"]`;
    const from = `FROM ${slipway.environment["STACK_IMAGE"]}\nUSER 0`;
    const lines = [from, instructions, "COPY serve.pl /srv/", "USER 1234", command];
    return { "sample/Dockerfile": lines.join("\n"), "sample/serve.pl": servePl };
  }

  async function logOf(id: string): Promise<string> {
    return (await slipway.store.logs.read(id, 1, 1_000)).map(({ text }) => text).join("");
  }

  async function restartReason(app: string): Promise<string | null | undefined> {
    const answer = await slipway.request("GET", `/v1/apps/${app}/ps`);
    const { containers } = (await answer.json()) as { containers: { restart_reason: string | null }[] };
    return containers[0]?.restart_reason;
  }
}

/** The private registry requires a login, even for the stack. */
function registryLogin(): RegistryAuth {
  const { host, username, password } = new URL(inject("environment").REGISTRY_URL);
  return { serverAddress: host, username, password: decodeURIComponent(password) };
}
