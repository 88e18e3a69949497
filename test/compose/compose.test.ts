// docker-compose.yml from the first start to a running app to the removal of everything, with a worker killed in between.

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ApiClient, deploySample } from "@slipway/cli/quickstart";
import { isFinal } from "@slipway/core";
import { redisKeys } from "@slipway/protocol";
import type { AppsAnswer, WorkersAnswer } from "@slipway/protocol";
import { installPrograms, isRoot, readOwnConfig, repositoryRoot } from "@slipway/setup";
import { eventually, packTarGz } from "@slipway/testkit";
import { buildStandIns, publicImages } from "@slipway/tools/stand-ins";
import type { PublicImage } from "@slipway/tools/stand-ins";
import { answering, inlineApp, waitIfHeld } from "../e2e/apps.ts";
import { ComposeInstallation, composeCommand, docker } from "./installation.ts";

const published = "{{range .NetworkSettings.Ports}}{{range .}}{{.HostIp}}:{{.HostPort}} {{end}}{{end}}";
const rights = "{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}}";
const printLine = (line: string) => process.stdout.write(`${line}\n`);
const opened = new AsyncDisposableStack();
let slipway: ComposeInstallation;

const config = readOwnConfig("test");
const command = await findCompose();
const lacking = isRoot() ? (command === undefined ? "an engine with docker compose" : undefined) : "root";
if (lacking !== undefined && config.unattended) throw new Error(`these tests need ${lacking}`);

describe.skipIf(lacking !== undefined)(
  `docker-compose.yml${lacking ? ` (skipped: no ${lacking})` : ""}`,
  () => {
    beforeAll(async () => {
      // Private names, even where the public images could be pulled, so that the tests are the same everywhere.
      const standIns = await buildStandIns(config, Object.keys(publicImages) as PublicImage[], printLine);
      slipway = opened.use(await ComposeInstallation.make(command ?? [], standIns));
      await slipway.up(2);
    });

    afterAll(async () => {
      await opened.disposeAsync();
    });

    test("docker-compose.yml opens ports on this machine only, and none of the stores'", async () => {
      const open = (await docker("inspect", "-f", published, ...(await slipway.containers()))).join(" ");
      const ports = ["API_PORT", "STREAM_PORT", "ROUTER_PORT", "REGISTRY_PORT"];
      const expected = ports.map((name) => `127.0.0.1:${slipway.variable(name)}`);
      expect(open.match(/\S+/g)?.toSorted()).toEqual(expected.toSorted());
    });

    test("the registry of docker-compose.yml requires its password", async () => {
      const url = `http://127.0.0.1:${slipway.variable("REGISTRY_PORT")}/v2/_catalog`;
      const login = Buffer.from(`slipway:${slipway.variable("REGISTRY_PASSWORD")}`).toString("base64");
      expect((await fetch(url)).status).toBe(401);
      const answer = await fetch(url, { headers: { authorization: `Basic ${login}` } });
      expect(await answer.json()).toMatchObject({ repositories: expect.arrayContaining(["slipway/stack"]) });
    });

    test.for(["router", "stream"])(
      "the %s of docker-compose.yml has a Redis user of its own, which sees neither the queue nor the heartbeats of workers",
      async (service) => {
        const keys = redisKeys(slipway.variable("INSTALLATION_ID"));
        const [id = ""] = await slipway.containers(service);
        const environment = (
          await docker("inspect", "-f", "{{range .Config.Env}}{{println .}}{{end}}", id)
        ).join("\n");
        for (const name of ["REDIS_PASSWORD", "REDIS_WORKER_PASSWORD", "REDIS_API_PASSWORD"])
          expect(environment).not.toContain(slipway.variable(name));
        const url = /^REDIS_URL=(.*)$/m.exec(environment)?.[1] ?? "";
        expect(new URL(url).username).toBe(service);
        const asService = (...words: readonly string[]) => redis(url, words);
        expect(await asService("PING")).toBe("PONG");
        const meta = `${keys.queuePrefix}:deployments:meta`;
        for (const words of [
          ["EXISTS", meta],
          ["HGETALL", meta],
          ["KEYS", "*"],
          ["SCAN", "0"],
          ["HGETALL", keys.workers],
          ["PUBLISH", keys.controlChannel, "{}"],
          ["EVAL", `return redis.call("HGETALL", "${keys.workers}")`, "0"],
          ["CONFIG", "GET", "requirepass"],
          ["ACL", "LIST"],
        ])
          expect([words, await asService(...words)]).toEqual([
            words,
            expect.stringMatching(/NOPERM|can't run this command/),
          ]);
        const worker = `redis://worker:${slipway.variable("REDIS_WORKER_PASSWORD")}@redis:6379`;
        expect(await redis(worker, ["EXISTS", meta])).toBe("1");
      },
    );

    test("docker-compose.yml runs the apps as an unprivileged user on a read-only file system", async () => {
      const apps = ["api", "stream", "router", "worker"].map((name) => slipway.containers(name));
      const ids = (await Promise.all(apps)).flat();
      const found = await docker("inspect", "-f", rights, ...ids);
      expect(found).toEqual(Array(5).fill("node true [ALL]"));
    });

    test("a sample is deployed on docker-compose.yml and answers", async () => {
      const { page } = await deploySample({
        apiUrl: slipway.apiUrl,
        routerUrl: slipway.routerUrl,
        apiToken: slipway.variable("BOOTSTRAP_TOKEN"),
        appName: "hello",
        folder: join(repositoryRoot, "samples", "hello-inline"),
        signal: AbortSignal.timeout(120_000),
      });
      expect(page).toMatch(/hello/i);
    });

    test("the garbage of the registry is collected from a worker's container, and images stay complete", async () => {
      const api = await connect();
      const deployed = async (prefix: string) => {
        const { name } = await api.createApp(`${prefix}-${randomBytes(3).toString("hex")}`);
        const files = inlineApp("true", answering(prefix), { large: largeText() });
        const { id } = await api.createDeployment(name, await api.upload(await packTarGz(files)), "v1");
        const ended = async () => {
          const { status } = await api.deployment(name, id);
          return isFinal(status) && status;
        };
        expect(await eventually(ended)).toBe("success");
        return name;
      };
      const name = await deployed("garbage");
      expect((await requestApi(api, "DELETE", `/v1/apps/${name}?current_name=${name}`)).status).toBe(204);
      const [worker = ""] = await slipway.containers("worker");
      const collect = async () =>
        (await docker("exec", worker, "node", "apps/cli/src/registry-gc.ts")).at(-1) ?? "";
      // The image is deleted some time after the app.
      const freed = async () => {
        const [, bytes] = /^deleted \d+ blobs, freed (\d+) bytes$/.exec(await collect()) ?? [];
        return Number(bytes) > 1_000_000;
      };
      expect(await eventually(freed)).toBe(true);
      expect(await collect()).toMatch(/^deleted 0 blobs/);
      await deployed("after");
    });

    test("a worker's container killed in a build costs an attempt, not the deployment", async () => {
      const api = await connect();
      const { name } = await api.createApp(`survivor-${randomBytes(3).toString("hex")}`);
      const hold = (value: string) =>
        requestApi(api, "PUT", `/v1/apps/${name}/variables`, { variables: [{ name: "HOLD", value }] });
      await hold("yes");
      const source = await packTarGz(inlineApp(`echo compiling; ${waitIfHeld}`, answering("survived")));
      const { id } = await api.createDeployment(name, await api.upload(source), "v1");
      const output = async () =>
        (await requestApi(api, "GET", `/v1/apps/${name}/deployments/${id}/output`)).text();
      await eventually(async () => (await output()).includes("compiling"));
      await hold("");
      await docker("kill", await hostOfWorkerWith(api, id));
      const ended = async () => {
        const { status } = await api.deployment(name, id);
        return isFinal(status) ? status : undefined;
      };
      expect(await eventually(ended)).toBe("success");
      expect((await output()).match(/^compiling$/gm)).toHaveLength(2);
    });

    test("docker compose down removes the whole installation", async () => {
      const api = await connect();
      const { apps } = (await (await requestApi(api, "GET", "/v1/apps")).json()) as AppsAnswer;
      expect(apps.map(({ name }) => name)).toContain("hello");
      for (const { name } of apps)
        expect((await requestApi(api, "DELETE", `/v1/apps/${name}?current_name=${name}`)).status).toBe(204);
      await eventually(async () => (await slipway.releases()).length === 0);
      await slipway.down();
      expect(await slipway.leftovers()).toEqual([]);
    });
  },
);

/** Installs compose if it is missing. */
async function findCompose(): Promise<string[] | undefined> {
  const found = await composeCommand();
  if (found !== undefined) return found;
  await installPrograms(["docker", "docker-compose"], printLine);
  return composeCommand();
}

/** Runs a Redis command in Redis's container. @returns the reply, even if the reply is an error. */
async function redis(url: string, words: readonly string[]): Promise<string> {
  const [id = ""] = await slipway.containers("redis");
  const local = url.replace("@redis:", "@127.0.0.1:");
  const { stdout, stderr } = await execa(
    "docker",
    ["exec", id, "redis-cli", "--no-auth-warning", "-u", local, ...words],
    { reject: false },
  );
  return `${stdout}${stderr}`.trim();
}

/** A text that cannot be compressed much. */
function largeText(): string {
  return randomBytes(2_000_000).toString("base64");
}

function connect(): Promise<ApiClient> {
  return ApiClient.connect(slipway.apiUrl, slipway.variable("BOOTSTRAP_TOKEN"));
}

/** The container whose worker builds the deployment. A container's id is also its host name. */
async function hostOfWorkerWith(api: ApiClient, id: string): Promise<string> {
  const { host } = await eventually(async () => {
    const { workers } = (await (await requestApi(api, "GET", "/v1/workers")).json()) as WorkersAnswer;
    return workers.find(({ deployments }) => deployments.some((deployment) => deployment.id === id));
  });
  return host;
}

function requestApi(api: ApiClient, method: string, path: string, body?: unknown): Promise<Response> {
  const headers = { authorization: `Bearer ${api.token}`, "content-type": "application/json" };
  return fetch(`${slipway.apiUrl}${path}`, {
    method,
    headers,
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
}
