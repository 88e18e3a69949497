// Signed webhooks arrive, even when their receiver was down; commits of a GitHub archive get their status.

import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingHttpHeaders, Server } from "node:http";
import { text } from "node:stream/consumers";
import { packTarGz } from "@slipway/testkit";
import { expect, inject, onTestFinished, test, vi } from "vitest";
import { answering, inlineApp } from "./apps.ts";
import { requestApi, call, createApp, deployUrl, deployed, ended } from "./slipway.ts";

interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface NotifierJson {
  readonly id: string;
  readonly type_data: { readonly secret?: string };
}

const timeoutMs = 60_000;

test("a webhook is delivered, signed, once its receiver is available, and the deliveries record it", async () => {
  const app = await createApp("hooks");
  const webhook_url = `http://127.0.0.1:${inject("hookPort")}/hook?a=b`;
  const { notifier } = await call<{ notifier: NotifierJson }>("POST", `/v1/apps/${app.name}/notifiers`, {
    notifier: { platform_id: "webhook", name: "ops", type_data: { webhook_url } },
  });
  // No server listens yet: the first attempts fail.
  const { deployment } = await deployed(
    app.name,
    await packTarGz(inlineApp("true", answering("hello"))),
    "v1",
  );
  const failing = () =>
    deliveriesOf(app.name, notifier.id).then((all) => all.filter(({ attempts }) => attempts[0]));
  await vi.waitFor(async () => expect((await failing()).length).toBeGreaterThan(0), timeoutMs);
  const [first] = await failing();
  expect(first?.state).toBe("pending");
  expect(new Set(first?.attempts.map(({ status }) => status))).toEqual(new Set([null]));

  const received = await listen(inject("hookPort"));
  const events = ["deployment_queued", "deployment_started", "deployment_succeeded"];
  await vi.waitFor(() => expect(new Set(received.map(typeOf))).toEqual(new Set(events)), timeoutMs);
  for (const request of received)
    expect(request.headers["webhook-signature"]).toBe(signatureOf(request, notifier));
  const last = received.find((request) => typeOf(request) === "deployment_succeeded");
  expect(last).toMatchObject({ method: "POST", path: "/hook?a=b" });
  expect(JSON.parse(last?.body ?? "")).toMatchObject({
    app_name: app.name,
    user: { username: "admin" },
    type_data: { deployment_id: deployment.id, status: "success", git_ref: "v1", failure: null },
  });
  await vi.waitFor(async () => {
    const states = (await deliveriesOf(app.name, notifier.id)).map(({ state }) => state);
    expect(states).toEqual(["delivered", "delivered", "delivered"]);
  }, timeoutMs);
  expect(new Set(received.map(({ headers }) => headers["webhook-id"])).size).toBe(received.length);
});

test("a webhook cannot reach Slipway's own network", async () => {
  const app = await createApp("hooks");
  const { notifier } = await call<{ notifier: NotifierJson }>("POST", `/v1/apps/${app.name}/notifiers`, {
    notifier: { platform_id: "webhook", name: "x", type_data: { webhook_url: inject("apiUrl") } },
  });
  expect((await requestApi("POST", `/v1/apps/${app.name}/notifiers/${notifier.id}/test`)).status).toBe(200);
  await vi.waitFor(async () => {
    const [delivery] = await deliveriesOf(app.name, notifier.id);
    expect(delivery?.attempts[0]?.error).toContain("not on the public internet");
  }, timeoutMs);
});

test("the commit of a GitHub archive gets the deployment's status", async () => {
  const hash = "0123456789abcdef0123456789abcdef01234567";
  const received = await listen(inject("githubPort"), (path) => (path.includes("/commits/") ? hash : "{}"));
  const app = await createApp("github");
  await call("POST", `/v1/apps/${app.name}/notifiers`, {
    notifier: { platform_id: "github", name: "status", type_data: { token: "ghp_secret" } },
  });
  // The archive does not exist, so the deployment fails.
  const source = "https://github.com/slipway-tests/none/archive/refs/heads/feature/x.tar.gz";
  const { id } = await deployUrl(app.name, source);
  expect((await ended(app.name, id)).status).toBe("build-error");
  const states = () =>
    received.filter(({ method }) => method === "POST").map(({ body }) => JSON.parse(body) as unknown);
  await vi.waitFor(
    () =>
      expect(states()).toContainEqual(
        expect.objectContaining({ state: "failure", context: `slipway/${app.name}` }),
      ),
    timeoutMs,
  );
  const lookup = received.find(({ method }) => method === "GET");
  expect(lookup?.path).toBe("/repos/slipway-tests/none/commits/feature%2Fx");
  const set = received.find(({ method }) => method === "POST");
  expect(set?.path).toBe(`/repos/slipway-tests/none/statuses/${hash}`);
  expect(set?.headers.authorization).toBe("Bearer ghp_secret");
});

interface DeliveryJson {
  readonly state: string;
  readonly attempts: readonly { readonly status: number | null; readonly error: string | null }[];
}

async function deliveriesOf(app: string, notifier: string): Promise<DeliveryJson[]> {
  const path = `/v1/apps/${app}/notifiers/${notifier}/deliveries`;
  return (await call<{ deliveries: DeliveryJson[] }>("GET", path)).deliveries;
}

/** Answers every request with 200 until the test ends, and records the requests. */
async function listen(port: number, answer: (path: string) => string = () => "thanks"): Promise<Received[]> {
  const received: Received[] = [];
  const server: Server = createServer((request, response) => {
    const { method = "", url: path = "", headers } = request;
    void text(request).then((body) => {
      received.push({ method, path, headers, body });
      response.end(answer(path));
      return undefined;
    });
  });
  await once(server.listen(port, "127.0.0.1"), "listening");
  onTestFinished(() => void server.close());
  return received;
}

function typeOf({ body }: Received): unknown {
  return (JSON.parse(body) as { type: unknown }).type;
}

function signatureOf({ headers, body }: Received, { type_data: { secret = "" } }: NotifierJson): string {
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  const signed = [headers["webhook-id"], headers["webhook-timestamp"], body].join(".");
  return `v1,${createHmac("sha256", key).update(signed).digest("base64")}`;
}
