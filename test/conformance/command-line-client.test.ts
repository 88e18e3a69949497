// The recorded requests of the scalingo command line for `deploy` and related commands, with their peculiarities: a content type on
// requests without a body, a question mark on every GET, empty ids, its own Origin. Also tests the properties of responses that the command
// line requires.

import { randomBytes } from "node:crypto";
import { on, once } from "node:events";
import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { inject } from "vitest";
import { beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import {
  appAnswer,
  containersAnswer,
  containerTypesAnswer,
  deploymentAnswer,
  deploymentsAnswer,
  eventTypesAnswer,
  newTokenAnswer,
  notifierAnswer,
  notifiersAnswer,
  operationAnswer,
  platformsAnswer,
  regionsAnswer,
  selfAnswer,
  serverFrame,
  sourceAnswer,
  exchangeAnswer,
  variablesAnswer,
} from "@slipway/protocol";
import type { ServerFrame } from "@slipway/protocol";
import { packTarGz } from "@slipway/testkit";
import { answering, inlineApp } from "../e2e/apps.ts";
import { deployed } from "../e2e/slipway.ts";

const origin = "http://scalingo-cli.local";
const always = {
  "content-type": "application/json",
  accept: "application/json",
  "user-agent": "Scalingo Go Client v8",
};

/** The body that the command line sends for a new notifier: fields without a value have Go's zero value. */
const unsaved = {
  id: "",
  app_id: "",
  type: "",
  created_at: "0001-01-01T00:00:00Z",
  updated_at: "0001-01-01T00:00:00Z",
};

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly json: unknown;
}

describe("the command line", () => {
  let api: string;
  let jwt: string;

  beforeAll(async () => {
    const regions = await send("GET", inject("apiUrl"), "/v1/regions?");
    api = regionsAnswer.parse(regions.json).regions[0]?.api ?? "";
    const login = { auth: `:${inject("adminToken")}` };
    jwt = exchangeAnswer.parse((await send("POST", api, "/v1/tokens/exchange", "{}", login)).json).token;
  });

  const requestApi = (method: string, path: string, body?: unknown): Promise<Answer> =>
    send(method, api, `/v1${path}`, body === undefined ? "" : JSON.stringify(body), {
      headers: { authorization: `Bearer ${jwt}` },
    });
  /** Each test has its own app, so that a retried test starts anew. */
  const newApp = async () => {
    const name = `cli-${randomBytes(4).toString("hex")}`;
    expect((await requestApi("POST", "/apps", { app: { name, parent_id: "" } })).status).toBe(201);
    return name;
  };
  const streamOf = async (name: string) =>
    appAnswer.parse((await requestApi("GET", `/apps/${name}?`)).json).app.links.deployments_stream;

  test("the command line reads the regions and exchanges its token", async () => {
    const regions = await send("GET", inject("apiUrl"), "/v1/regions?");
    expect(regions.status).toBe(200);
    const [found] = regionsAnswer.parse(regions.json).regions;
    expect(found).toMatchObject({ default: true, ssh: expect.stringMatching(/^[^:]+:\d+$/) });
    for (const url of [found?.api, found?.database_api, found?.dashboard]) expect(url).not.toMatch(/\/$/);
    // The client splits the host at dots when an app is not found.
    expect(new URL(api).hostname).toContain(".");
    const exchange = await send("POST", api, "/v1/tokens/exchange", "{}", {
      auth: `:${inject("adminToken")}`,
    });
    expect(exchange.status).toBe(200);
    const [header, payload] = jwt
      .split(".", 2)
      .map((part) => JSON.parse(Buffer.from(part, "base64url").toString()) as Record<string, unknown>);
    expect([header?.["alg"], typeof payload?.["exp"]]).toEqual([
      expect.stringMatching(/^[A-Z]+\d+$/),
      "number",
    ]);
  });

  test("login by username and password creates an API token, and exchanges it", async () => {
    const username = `cli-${randomBytes(4).toString("hex")}`;
    const password = randomBytes(16).toString("hex");
    const user = { username, email: `${username}@example.com`, password };
    expect((await requestApi("POST", "/users", { user })).status).toBe(201);
    const body = JSON.stringify({ token: { name: "Scalingo CLI" } });
    const made = await send("POST", api, "/v1/tokens", body, { auth: `${username}:${password}` });
    expect(made.status).toBe(201);
    const { token } = newTokenAnswer.parse(made.json);
    expect(token).toMatchObject({ name: "Scalingo CLI", token: expect.stringMatching(/^tk-us-/) });
    const exchange = await send("POST", api, "/v1/tokens/exchange", "{}", { auth: `:${token.token}` });
    expect(exchange.status).toBe(200);
    const wrong = await send("POST", api, "/v1/tokens", body, { auth: `${username}:wrong` });
    expect([wrong.status, wrong.json]).toEqual([401, { error: expect.any(String) }]);
  });

  test("login reads the user of the token", async () => {
    const { status, json } = await requestApi("GET", "/users/self?");
    const { user } = selfAnswer.parse(json);
    expect([status, user.username, user.flags["admin"]]).toEqual([200, "admin", undefined]);
  });

  test("the commands create, apps and apps-info create, list and show an app", async () => {
    const name = await newApp();
    const shown = await requestApi("GET", `/apps/${name}?`);
    expect(shown.status).toBe(200);
    const { app } = appAnswer.parse(shown.json);
    expect(app).toMatchObject({ name, flags: {}, limits: {}, project: { id: expect.any(String) } });
    expect(Number.isNaN(Date.parse(app.created_at))).toBe(false);
    expect((await requestApi("GET", "/apps?")).status).toBe(200);
  });

  test("the commands env-set, env and env-unset set, list and delete a variable", async () => {
    const name = await newApp();
    const variables = [{ id: "", name: "GREETING", value: "hello" }];
    const set = await requestApi("PUT", `/apps/${name}/variables`, { variables });
    expect([200, 201]).toContain(set.status);
    const { json } = await requestApi("GET", `/apps/${name}/variables?aliases=true`);
    const { variables: stored } = variablesAnswer.parse(json);
    const id = stored[0]?.id ?? "";
    expect(stored).toEqual([
      { id: expect.stringMatching(/./), name: "GREETING", value: "hello", scope: "both" },
    ]);
    expect((await requestApi("DELETE", `/apps/${name}/variables/${id}`)).status).toBe(204);
  });

  test("the command deploy uploads a source, deploys and follows it; a later deployment is announced with an object", async () => {
    const name = await newApp();
    const made = await requestApi("POST", "/sources", {});
    expect(made.status).toBe(201);
    const archive = await packTarGz(inlineApp("echo compiled; sleep 1", answering("from the command line")));
    const { source } = sourceAnswer.parse(made.json);
    const put = new URL(source.upload_url);
    const uploaded = await send("PUT", put.origin, `${put.pathname}${put.search}`, archive, {
      headers: { "content-type": "application/x-gzip" },
    });
    expect(uploaded.status).toBe(200);
    const deployment = { git_ref: "v1", source_url: source.download_url };
    const created = await requestApi("POST", `/apps/${name}/deployments`, { deployment });
    expect(created.status).toBe(201);
    const { id, links, duration } = deploymentAnswer.parse(created.json).deployment;
    expect(duration).toBe(0);

    // The client connects only now, and waits for the final status.
    const frames = await listen(await streamOf(name), jwt, id);
    const statuses = frames.flatMap((frame) => (frame.type === "status" ? [frame.data.status] : []));
    expect(statuses).toEqual(["queued", "building", "pushing", "starting", "success"]);
    const lines = frames.flatMap((frame) => (frame.type === "log" ? [frame.data.content] : []));
    expect(lines.join("\n")).toContain("compiled");

    const polled = await requestApi("GET", `/apps/${name}/deployments/${id}?`);
    expect([polled.status, deploymentAnswer.parse(polled.json).deployment.status]).toEqual([200, "success"]);
    const output = new URL(links.output);
    const log = await send("GET", output.origin, `${output.pathname}?`, "", {
      headers: { authorization: `Bearer ${jwt}` },
    });
    expect([log.status, log.headers["content-type"]]).toEqual([200, "text/plain; charset=utf-8"]);
    const listed = await requestApi("GET", `/apps/${name}/deployments?page=1&per_page=20`);
    expect(deploymentsAnswer.parse(listed.json).meta.pagination.total_count).toBe(1);

    // The replayed end of the first deployment shows that the socket is connected.
    const later = await listen(await streamOf(name), jwt, id, async () => {
      const refused = { git_ref: null, source_url: "http://127.0.0.1:9/refused.tar.gz" };
      await requestApi("POST", `/apps/${name}/deployments`, { deployment: refused });
    });
    const announced = later.flatMap((frame) => (frame.type === "new" ? [frame.data.deployment] : []));
    expect(announced[0]).toMatchObject({
      id: expect.any(String),
      pusher: { username: "admin" },
    });
  });

  test("the commands scale --synchronous, ps and restart change and list the containers", async () => {
    const name = await newApp();
    await deployed(name, await packTarGz(inlineApp("true", answering("scaled"))));
    expect((await requestApi("GET", `/apps/${name}/autoscalers?`)).json).toEqual({ autoscalers: [] });
    const web = { app_id: "", name: "web", amount: 2, command: "", size: "" };
    const scaled = await requestApi("POST", `/apps/${name}/scale`, { containers: [web] });
    expect(scaled.status).toBe(202);
    expect(containerTypesAnswer.parse(scaled.json).containers).toMatchObject([{ name: "web", amount: 2 }]);
    await finished(name, scaled);
    const { json } = await requestApi("GET", `/apps/${name}/ps?`);
    expect(containersAnswer.parse(json).containers.map(({ label }) => label)).toEqual(["web-1", "web-2"]);
    const restarted = await requestApi("POST", `/apps/${name}/restart`, { scope: null });
    expect(restarted.status).toBe(202);
    await finished(name, restarted);
  });

  /** The command line reads the operation's id from the end of the Location header, and polls once a second. */
  async function finished(name: string, { headers }: Answer): Promise<void> {
    const id = new URL(String(headers["location"])).pathname.split("/").at(-1);
    for (;;) {
      const { status, json } = await requestApi("GET", `/apps/${name}/operations/${id}?`);
      const { operation } = operationAnswer.parse(json);
      expect([status, operation.error]).toEqual([200, ""]);
      if (operation.status === "done") return;
      await sleep(1_000);
    }
  }

  test("notifiers-add reads event types and the notification platform's id without a token, then creates the notifier", async () => {
    const name = await newApp();
    const { event_types: types } = eventTypesAnswer.parse((await requestApi("GET", "/event_types?")).json);
    const failed = types.find((type) => type.name === "deployment_failed");
    const unknown = await send("GET", api, "/v1/notification_platforms/search?name=slack");
    expect([unknown.status, unknown.json]).toEqual([200, { notification_platforms: [] }]);
    const found = await send("GET", api, "/v1/notification_platforms/search?name=webhook");
    expect(found.status).toBe(200);
    const [platform] = platformsAnswer.parse(found.json).notification_platforms;
    const wanted = {
      ...unsaved,
      active: true,
      name: "ops",
      send_all_events: false,
      selected_event_ids: [failed?.id],
      platform_id: platform?.id,
      type_data: { webhook_url: "https://example.com/hook" },
    };
    const made = await requestApi("POST", `/apps/${name}/notifiers`, { notifier: wanted });
    expect(made.status).toBe(201);
    const { notifier } = notifierAnswer.parse(made.json);
    expect(notifier).toMatchObject({
      type: "webhook",
      name: "ops",
      active: true,
      send_all_events: false,
      send_all_alerts: false,
      selected_event_ids: [failed?.id],
      type_data: { webhook_url: "https://example.com/hook" },
    });
    for (const time of [notifier.created_at, notifier.updated_at])
      expect(Number.isNaN(Date.parse(time))).toBe(false);
    // Without --event and --send-all-events, the client sends this body.
    const { selected_event_ids: _, ...silent } = wanted;
    const quiet = await requestApi("POST", `/apps/${name}/notifiers`, { notifier: silent });
    expect(notifierAnswer.parse(quiet.json).notifier).toMatchObject({
      send_all_events: false,
      selected_event_ids: [],
    });
    const github = await requestApi("POST", `/apps/${name}/notifiers`, {
      notifier: { ...wanted, platform_id: "github", type_data: {} },
    });
    expect([github.status, github.json]).toEqual([
      422,
      { errors: { "type_data.token": ["is required"] }, error: expect.any(String) },
    ]);
  });

  test("notification-platforms and the commands of notifiers list, show, change and delete", async () => {
    const name = await newApp();
    const all = await send("GET", api, "/v1/notification_platforms?");
    expect(all.status).toBe(200);
    expect(platformsAnswer.parse(all.json).notification_platforms[0]?.name).toBe("webhook");
    const made = await requestApi("POST", `/apps/${name}/notifiers`, {
      notifier: {
        ...unsaved,
        active: true,
        name: "ops",
        send_all_events: true,
        platform_id: "webhook",
        type_data: { webhook_url: "https://example.com/hook" },
      },
    });
    const { id } = notifierAnswer.parse(made.json).notifier;
    const listed = await requestApi("GET", `/apps/${name}/notifiers?`);
    expect([listed.status, notifiersAnswer.parse(listed.json).notifiers.map((one) => one.id)]).toEqual([
      200,
      [id],
    ]);
    const details = await requestApi("GET", `/apps/${name}/notifiers/${id}?`);
    expect([details.status, notifierAnswer.parse(details.json).notifier.id]).toEqual([200, id]);
    const disabled = { ...unsaved, active: false, platform_id: "", type_data: {} };
    const updated = await requestApi("PATCH", `/apps/${name}/notifiers/${id}`, { notifier: disabled });
    expect(updated.status).toBe(200);
    expect(notifierAnswer.parse(updated.json).notifier).toMatchObject({
      active: false,
      name: "ops",
      send_all_events: true,
      type_data: { webhook_url: "https://example.com/hook" },
    });
    expect((await requestApi("DELETE", `/apps/${name}/notifiers/${id}?`)).status).toBe(204);
  });

  test("deployment-delete-cache and destroy succeed, and a deleted app is not found", async () => {
    const name = await newApp();
    expect((await requestApi("DELETE", `/apps/${name}/caches/deployment`)).status).toBe(204);
    expect((await requestApi("DELETE", `/apps/${name}?current_name=${name}`)).status).toBe(204);
    const gone = await requestApi("GET", `/apps/${name}?`);
    expect([gone.status, gone.json]).toEqual([404, { resource: "app", error: "app not found" }]);
  });

  test("errors have the bodies that the command line reads", async () => {
    const wrong = await requestApi("POST", "/apps", { app: { name: "No" } });
    expect(wrong.status).toBe(422);
    expect(wrong.json).toEqual({ errors: { name: [expect.any(String)] }, error: expect.any(String) });
    const broken = await send("POST", api, "/v1/apps", "{", { headers: { authorization: `Bearer ${jwt}` } });
    expect([broken.status, broken.json]).toEqual([400, { error: expect.any(String) }]);
    const anonymous = await send("GET", api, "/v1/apps?", "", {});
    expect([anonymous.status, anonymous.json]).toEqual([401, { error: expect.any(String) }]);
  });
});

/** Sends exactly the given arguments: no client library adds or omits anything. */
async function send(
  method: string,
  base: string,
  path: string,
  body: string | Buffer = "",
  { headers = {}, auth }: { headers?: Record<string, string>; auth?: string } = {},
): Promise<Answer> {
  const { hostname, port } = new URL(base);
  const outgoing = request({
    method,
    hostname,
    port,
    path,
    headers: { ...always, ...headers, "content-length": Buffer.byteLength(body) },
    ...(auth === undefined ? {} : { auth }),
  });
  outgoing.end(body);
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  const received = await text(response);
  const { statusCode: status = 0, headers: answered } = response;
  const isJson = String(answered["content-type"]).startsWith("application/json");
  return { status, headers: answered, json: isJson ? (JSON.parse(received) as unknown) : undefined };
}

/** The frames up to the deployment's end; with `then`, the frames from there to the next `new`. */
async function listen(
  url: string,
  token: string,
  id: string | undefined,
  then?: () => Promise<void>,
): Promise<ServerFrame[]> {
  const socket = new WebSocket(url, { origin: `${origin};1.0` });
  await once(socket, "open");
  socket.send(`${JSON.stringify({ type: "auth", data: { token } })}\n`);
  const frames: ServerFrame[] = [];
  for await (const [data] of on(socket, "message", { close: ["close"] }) as AsyncIterable<[Buffer]>) {
    const frame = serverFrame.parse(JSON.parse(data.toString()));
    frames.push(frame);
    const final = frame.type === "status" && frame.id === id && frame.data.status === "success";
    if (final) await then?.();
    if ((final && then === undefined) || frame.type === "new") break;
  }
  socket.close();
  return frames;
}
