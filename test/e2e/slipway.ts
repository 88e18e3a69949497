// A scenario's requests to a running Slipway, over HTTP and WebSocket only, as from clients.

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { request } from "node:http";
import type { Agent, IncomingHttpHeaders, IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { inject } from "vitest";
import { WebSocket } from "ws";
import { poll } from "@slipway/async";
import { isFinal } from "@slipway/core";
import type { DeploymentStatus } from "@slipway/core";

export interface DeploymentJson {
  readonly id: string;
  readonly app_id: string;
  readonly status: DeploymentStatus;
  readonly created_at: string;
  readonly finished_at: string | null;
  readonly duration: number;
  readonly git_ref: string | null;
  readonly previous_git_ref: string | null;
  readonly image: string | null;
  readonly image_size: number | null;
  readonly links: { readonly output: string };
}

export interface AppJson {
  readonly id: string;
  readonly name: string;
  readonly url: string;
  readonly status: string;
  readonly links: { readonly deployments_stream: string };
}

export interface OperationJson {
  readonly id: string;
  readonly status: string;
  readonly type: string;
  readonly error: string;
}

export interface Frame {
  readonly type: string;
  readonly id?: string;
  readonly data: {
    readonly content?: string;
    readonly status?: DeploymentStatus;
    readonly deployment?: unknown;
  };
}

const pollMs = 250;
/** The interval is short, because operations are short. */
const operationPollMs = 100;
let bearer: Promise<string> | undefined;

export function apiUrl(path: string): string {
  return new URL(path, inject("apiUrl")).href;
}

/** The JWT of the admin token, exchanged once per file. */
function token(): Promise<string> {
  bearer ??= exchange(inject("adminToken"));
  return bearer;
}

async function exchange(apiToken: string): Promise<string> {
  const basic = Buffer.from(`:${apiToken}`).toString("base64");
  const headers = { authorization: `Basic ${basic}`, "content-type": "application/json" };
  const answer = await fetch(apiUrl("/v1/tokens/exchange"), { method: "POST", headers, body: "{}" });
  return ((await answer.json()) as { token: string }).token;
}

/** Sends a request as the admin. @returns the response, with any status. */
export async function requestApi(method: string, path: string, body?: unknown): Promise<Response> {
  const headers = { authorization: `Bearer ${await token()}`, "content-type": "application/json" };
  return fetch(apiUrl(path), {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

/** Sends a request that must succeed. @returns the response's JSON. */
export async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const answer = await requestApi(method, path, body);
  const got = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${got}`);
  return (got === "" ? undefined : JSON.parse(got)) as T;
}

export async function createApp(prefix = "app"): Promise<AppJson> {
  const name = `${prefix}-${randomBytes(4).toString("hex")}`;
  return (await call<{ app: AppJson }>("POST", "/v1/apps", { app: { name } })).app;
}

export async function showApp(name: string): Promise<AppJson> {
  return (await call<{ app: AppJson }>("GET", `/v1/apps/${name}`)).app;
}

/** Uploads an archive. @returns the URL to deploy from. */
export async function upload(archive: Buffer): Promise<string> {
  const { source } = await call<{ source: { upload_url: string; download_url: string } }>(
    "POST",
    "/v1/sources",
    {},
  );
  const headers = { "content-type": "application/x-gzip" };
  const answer = await fetch(source.upload_url, { method: "PUT", headers, body: new Uint8Array(archive) });
  if (answer.status !== 200) throw new Error(`the upload answered ${answer.status}: ${await answer.text()}`);
  return source.download_url;
}

export async function deploy(
  app: string,
  archive: Buffer,
  gitRef: string | null = null,
): Promise<DeploymentJson> {
  return deployUrl(app, await upload(archive), gitRef);
}

export async function deployUrl(
  app: string,
  sourceUrl: string,
  gitRef: string | null = null,
): Promise<DeploymentJson> {
  const body = { deployment: { source_url: sourceUrl, git_ref: gitRef } };
  return (await call<{ deployment: DeploymentJson }>("POST", `/v1/apps/${app}/deployments`, body)).deployment;
}

async function showDeployment(app: string, id: string): Promise<DeploymentJson> {
  return (await call<{ deployment: DeploymentJson }>("GET", `/v1/apps/${app}/deployments/${id}`)).deployment;
}

/** Waits until the deployment is final; the test's timeout is the limit. */
export async function ended(app: string, id: string): Promise<DeploymentJson> {
  const look = async () => {
    const deployment = await showDeployment(app, id);
    return isFinal(deployment.status) && deployment;
  };
  return await poll(look, { everyMs: pollMs });
}

export async function output(app: string, id: string): Promise<string> {
  return (await requestApi("GET", `/v1/apps/${app}/deployments/${id}/output`)).text();
}

/** Deploys, and waits for the deployment's end. */
export async function deployed(app: string, archive: Buffer, gitRef: string | null = null) {
  const { id } = await deploy(app, archive, gitRef);
  const deployment = await ended(app, id);
  return { deployment, log: await output(app, id) };
}

/** Deploys. @returns the log. @throws an error with the log when the deployment does not end in this status. */
export async function logOf(app: string, archive: Buffer, status: DeploymentStatus): Promise<string> {
  const { deployment, log } = await deployed(app, archive);
  if (deployment.status === status) return log;
  throw new Error(`${deployment.status} instead of ${status}:\n${log}`);
}

export function toScale(count: number) {
  return { containers: [{ name: "web", amount: count }] };
}

/** Requests an operation. @returns its URL. */
export async function requested(app: AppJson, what: "scale" | "restart", body: unknown): Promise<string> {
  const answer = await requestApi("POST", `/v1/apps/${app.name}/${what}`, body);
  await answer.text();
  if (answer.status !== 202) throw new Error(String(answer.status));
  return answer.headers.get("location") ?? "";
}

export async function showOperation(url: string): Promise<OperationJson> {
  return (await call<{ operation: OperationJson }>("GET", url)).operation;
}

/** Waits for the operation's end; the test's timeout is the limit. */
export async function operationEnded(url: string): Promise<OperationJson> {
  const look = async () => {
    const found = await showOperation(url);
    return (found.status === "done" || found.status === "error") && found;
  };
  return await poll(look, { everyMs: operationPollMs });
}

/** Scales or restarts, and waits for the operation's end. */
export async function operated(
  app: AppJson,
  what: "scale" | "restart",
  body: unknown = {},
): Promise<OperationJson> {
  return operationEnded(await requested(app, what, body));
}

/** The text of the app's answer at its URL. */
export async function page(app: string, path = "/"): Promise<string> {
  return (await visit(new URL(path, (await showApp(app)).url))).body;
}

/** Requests an app's URL from the router on the loopback interface: not every resolver resolves names below localhost. */
export async function visit(
  url: URL,
  agent?: Agent,
): Promise<{ status: number; contentType: string; headers: IncomingHttpHeaders; body: string }> {
  const { port, pathname, search, host } = url;
  const options = { host: "127.0.0.1", port, path: `${pathname}${search}`, headers: { host } };
  const outgoing = request({ ...options, agent: agent ?? false }).end();
  const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
  const contentType = answer.headers["content-type"] ?? "";
  return {
    status: answer.statusCode ?? 0,
    contentType,
    headers: answer.headers,
    body: await text(answer),
  };
}

/** Follows an app's deployments until `until` is satisfied or the socket closes. */
export async function follow(app: AppJson, until: (frames: readonly Frame[]) => boolean): Promise<Frame[]> {
  const frames: Frame[] = [];
  const socket = new WebSocket(app.links.deployments_stream);
  const jwt = await token();
  return new Promise((resolve, reject) => {
    socket.on("open", () => socket.send(JSON.stringify({ type: "auth", data: { token: jwt } })));
    socket.on("error", reject);
    socket.on("close", () => resolve(frames));
    socket.on("message", (data: Buffer) => {
      frames.push(JSON.parse(data.toString("utf8")) as Frame);
      if (until(frames)) socket.close();
    });
  });
}

export function linesOf(frames: readonly Frame[], id: string): string[] {
  return frames
    .filter((frame) => frame.type === "log" && frame.id === id)
    .map((frame) => frame.data.content ?? "");
}

export function statusesOf(frames: readonly Frame[], id: string): (DeploymentStatus | undefined)[] {
  return frames
    .filter((frame) => frame.type === "status" && frame.id === id)
    .map((frame) => frame.data.status);
}

/** True once the deployment's final status has arrived. */
export function untilEnd(id: string): (frames: readonly Frame[]) => boolean {
  return (frames) => statusesOf(frames, id).some((status) => status !== undefined && isFinal(status));
}
