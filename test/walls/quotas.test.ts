// Attacks that occupy a slot, a connection or space for long, or take more than their share: two workers with one build slot each, and
// another user who deploys after each attack.

import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, request } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newApiToken } from "@slipway/auth";
import { label } from "@slipway/core";
import { appAnswer, deploymentAnswer, sourceAnswer } from "@slipway/protocol";
import { aName, aUser, cutServer, eventually, packTarGz } from "@slipway/testkit";
import { SlipwayUnderTest } from "../chaos/slipway.ts";
import { answering, inlineApp } from "../e2e/apps.ts";

const mebi = 1024 ** 2;
const settings = {
  SOURCE_TIMEOUT_MS: "10000",
  BUILD_SILENCE_MS: "15000",
  MAX_APPS_PER_USER: "2",
  MAX_CONTAINERS_PER_USER: "4",
  MAX_SOURCES_PER_USER: "4",
  MAX_SOURCES_MB_PER_USER: "1",
};
/** Longer than any limit. */
const endless = "sleep 600";
const printing = "while echo still here; do sleep 1; done";

/** Servers of sources, by the path of the URL. */
const sources: Readonly<Record<string, (response: ServerResponse) => void>> = {
  "/trickle": (response) => {
    response.writeHead(200, { "content-length": String(mebi) });
    const timer = setInterval(() => response.write("x"), 200);
    response.once("close", () => clearInterval(timer));
  },
  "/silent": () => undefined,
  "/stuck": (response) => void response.writeHead(200).write("begun"),
};

let slipway: SlipwayUnderTest;
const server = createServer((incoming, response) => sources[incoming.url ?? ""]?.(response));
const sourceUrl = (path: string) => `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;

beforeAll(async () => {
  await once(server.listen(0, "127.0.0.1"), "listening");
  const allowed = { ALLOWED_PRIVATE_HOSTS: `127.0.0.1:${(server.address() as AddressInfo).port}` };
  slipway = await SlipwayUnderTest.start({ workers: [{}, {}], settings: { ...settings, ...allowed } });
  await slipway.idle();
});
afterAll(async () => {
  await slipway[Symbol.asyncDispose]();
  await cutServer(server);
});

/** A user without operator rights: sends a request, and returns the response. */
type Client = (method: string, path: string, body?: unknown) => Promise<Answer>;

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** The result that the user sees: the status of a response, or the status of a deployment with its failure. */
type Outcome = readonly [status: number | string, message: string];

interface Attack {
  readonly name: string;
  readonly run: (client: Client) => Promise<Outcome>;
  readonly outcome: Outcome;
}

const attacks: readonly Attack[] = [
  {
    name: "an upload of a byte each 200 ms ends at the limit of time",
    run: async (client) => {
      const upload = request((await createSource(client)).upload_url, { method: "PUT" });
      const timer = setInterval(() => upload.write("x"), 200);
      const [response] = (await once(upload, "response")) as [IncomingMessage];
      clearInterval(timer);
      upload.destroy();
      upload.on("error", () => undefined);
      return [response.statusCode ?? 0, await text(response)];
    },
    outcome: [408, "the upload took longer than 10 s"],
  },
  ...(
    [
      ["sends a byte each 200 ms", "/trickle", "took longer than 10 s"],
      ["never responds", "/silent", "took longer than 10 s"],
      ["stops after its first bytes", "/stuck", "took longer than 10 s"],
    ] as const
  ).map(([what, path, message]): Attack => ({
    name: `a source server that ${what} holds a build slot for no longer than the limit`,
    run: async (client) => deployed(client, sourceUrl(path)),
    outcome: ["build-error", message],
  })),
  {
    name: "a build that is silent is ended as the user's fault",
    run: (client) => built(client, endless),
    outcome: ["build-error", "no output for 15 seconds, so the build was ended"],
  },
  {
    name: "an archive of folders a hundred deep is refused before it is unpacked",
    run: async (client) => {
      const deep = Array.from({ length: 800 }, (_, at) => [`sample/${at}/${"d/".repeat(90)}x`, ""]);
      return deployed(client, await uploaded(client, await packTarGz(Object.fromEntries(deep))));
    },
    outcome: ["build-error", "folders that have no entries of their own"],
  },
  {
    name: "an archive whose names are deeper is refused",
    run: async (client) =>
      deployed(client, await uploaded(client, await packTarGz({ [`sample/${"d/".repeat(250)}x`]: "" }))),
    outcome: ["build-error", "has a name that is too long"],
  },
  {
    name: "a user's third app is refused",
    run: async (client) => {
      await createApp(client);
      return refusalOf(Array.from({ length: 4 }, () => createApp(client)));
    },
    outcome: [403, "a user may own 2 apps; delete one"],
  },
  {
    name: "a user's fifth source is refused",
    run: (client) => refusalOf(Array.from({ length: 5 }, () => client("POST", "/v1/sources", {}))),
    outcome: [403, "a user may have 4 sources; wait until some expire"],
  },
  {
    name: "sources of more bytes than a user may store are refused",
    run: async (client) => {
      const urls = [await createSource(client), await createSource(client)];
      const uploads = urls.map(async ({ upload_url }) => {
        const response = await fetch(upload_url, { method: "PUT", body: new Uint8Array(0.75 * mebi) });
        return { status: response.status, body: await response.json() };
      });
      return refusalOf(uploads);
    },
    outcome: [403, `the archives of a user's sources may have ${mebi} bytes in all`],
  },
  {
    name: "a user's fifth container is refused, over all apps",
    run: async (client) => {
      const apps = [await newAppOf(client), await newAppOf(client)];
      const scale = (app: string) =>
        client("POST", `/v1/apps/${app}/scale`, { containers: [{ name: "web", amount: 3 }] });
      return refusalOf(apps.map(scale));
    },
    outcome: [403, "the apps of a user may have 4 containers in all"],
  },
];

// Each attack has its own user. They run in parallel, because most of them wait for a time limit.
test.concurrent.for(attacks)("$name", async ({ run, outcome: [status, message] }) => {
  const [seen, read] = await run(await newClient());
  expect(seen).toBe(status);
  expect(read).toContain(message);
  expect(await deployAsOther()).toEqual(["success", ""]);
});

test("the attacks leave both workers free, and no container on the engine", unharmed);

test("ten endless builds of one owner leave a slot, and another owner deploys beside them", async () => {
  const archive = await packTarGz(inlineApp(printing, ""));
  const deployments: { app: string; id: string }[] = [];
  for (let number = 0; number < 10; number += 1) {
    const { name } = await slipway.createApp("hoard");
    const source = await slipway.api.upload(archive);
    deployments.push({ app: name, id: (await slipway.api.createDeployment(name, source, "")).id });
  }
  await eventually(async () => (await slipway.store.deployments.allRunning()).length === 1);
  expect(await deployAsOther()).toEqual(["success", ""]);
  const running = await slipway.store.deployments.allRunning();
  expect(running.map(({ id }) => id)).toEqual([deployments[0]?.id]);
  for (const { app, id } of deployments.toReversed())
    await slipway.request("POST", `/v1/apps/${app}/deployments/${id}/abort`, {});
  for (const { id } of deployments) await slipway.ended(id);
  await unharmed();
});

/** Both workers are unchanged and free, no build leaves anything on the engine, and another user deploys at once. */
async function unharmed(): Promise<void> {
  expect(await deployAsOther()).toEqual(["success", ""]);
  await slipway.idle();
  const filters = { label: [`${label.installation}=${slipway.installationId}`, `${label.kind}=build`] };
  const [docker] = slipway.engines;
  await eventually(async () => (await docker?.listContainers({ all: true, filters }))?.length === 0);
}

async function deployAsOther(): Promise<Outcome> {
  return built(await newClient(), "true");
}

async function newClient(): Promise<Client> {
  const user = aUser();
  const { secret, secretSha256 } = newApiToken();
  await slipway.store.users.create(user);
  await slipway.store.tokens.create({
    id: randomUUID(),
    userId: user.id,
    name: "walls",
    secretSha256,
    createdAt: new Date(),
    lastUsedAt: null,
    parentId: null,
  });
  const headers = { authorization: `Bearer ${secret}`, "content-type": "application/json" };
  return async (method, path, body) => {
    const content = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await fetch(`http://127.0.0.1:${slipway.environment["API_PORT"]}${path}`, {
      method,
      headers,
      ...content,
    });
    return { status: response.status, body: await response.json() };
  };
}

function createApp(client: Client): Promise<Answer> {
  return client("POST", "/v1/apps", { app: { name: aName() } });
}

async function newAppOf(client: Client): Promise<string> {
  const { body } = await createApp(client);
  return appAnswer.parse(body).app.name;
}

async function createSource(client: Client) {
  return sourceAnswer.parse((await client("POST", "/v1/sources", {})).body).source;
}

/** @returns the URL of the uploaded archive. */
async function uploaded(client: Client, archive: Buffer): Promise<string> {
  const { upload_url, download_url } = await createSource(client);
  const { status } = await fetch(upload_url, { method: "PUT", body: new Uint8Array(archive) });
  expect(status).toBe(200);
  return download_url;
}

async function built(client: Client, compile: string): Promise<Outcome> {
  const archive = await packTarGz(inlineApp(compile, answering("served")));
  return deployed(client, await uploaded(client, archive));
}

/** Deploys a new app, and waits for the deployment's end. */
async function deployed(client: Client, source_url: string): Promise<Outcome> {
  const path = `/v1/apps/${await newAppOf(client)}/deployments`;
  const { body } = await client("POST", path, { deployment: { source_url } });
  const { status, failure } = await slipway.ended(deploymentAnswer.parse(body).deployment.id);
  return [status, failure?.message ?? ""];
}

/** Waits for requests that were sent at once. @returns the result of the rejected request. */
async function refusalOf(requests: readonly Promise<Answer>[]): Promise<Outcome> {
  const answers = await Promise.all(requests);
  const refused = answers.filter(({ status }) => status >= 400);
  expect(answers.length - refused.length).toBeGreaterThan(0);
  return [refused[0]?.status ?? 0, JSON.stringify(refused[0]?.body)];
}
