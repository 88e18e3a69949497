// The client of the API: exchanges the API token, sends requests and checks their responses.

import { Readable } from "node:stream";
import type { z } from "zod";
import { appAnswer, deploymentAnswer, exchangeAnswer, sourceAnswer } from "@slipway/protocol";
import type { AppBody, DeploymentBody } from "@slipway/protocol";
import { reasonOf } from "@slipway/setup";
import { CommandError, exitCodes } from "./command-error.ts";
import { ResponseWait } from "./response-wait.ts";
import type { ResponseWaitOptions } from "./response-wait.ts";
import { problemText, readAnswer } from "./responses.ts";

interface CallOptions {
  method?: string;
  body?: unknown;
  authorization?: string;
  wait: ResponseWait;
  signal?: AbortSignal | undefined;
}

export interface DeploymentOptions {
  sourceUrl?: string;
  /** The reference, by digest, of an image that was built elsewhere. */
  image?: string;
  release?: number;
  gitRef?: string;
}

const archiveType = "application/x-gzip";
/** Sending a request with one of these methods twice has the same effect as once. */
const idempotentMethods: ReadonlySet<string> = new Set(["GET", "PUT"]);
/** Codes of errors when the other side closed the connection. */
const closedCodes: ReadonlySet<string> = new Set(["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"]);

/** Calls the API at one address with an exchanged token, and exchanges it again when it has expired. */
export class ApiClient {
  readonly #apiUrl: string;
  readonly #apiToken: string;
  readonly #wait: ResponseWait;
  token: string;

  private constructor(apiUrl: string, apiToken: string, token: string, wait: ResponseWait) {
    this.#apiUrl = apiUrl;
    this.#apiToken = apiToken;
    this.#wait = wait;
    this.token = token;
  }

  /** Exchanges the API token. Throws CommandError when the API rejects it. */
  static async connect(
    apiUrl: string,
    apiToken: string,
    waiting: ResponseWaitOptions = {},
  ): Promise<ApiClient> {
    const wait = new ResponseWait(waiting);
    return new ApiClient(apiUrl, apiToken, await exchange(apiUrl, apiToken, wait), wait);
  }

  /** Finds the app of this name; undefined when there is none. */
  async findApp(name: string): Promise<AppBody | undefined> {
    return (await this.find(`/apps/${encodeURIComponent(name)}`, appAnswer))?.app;
  }

  async createApp(name: string): Promise<AppBody> {
    return (await this.send("POST", "/apps", { app: { name } }, appAnswer)).app;
  }

  /** Uploads an archive; a stream is sent while it is read. Returns the source URL for a deployment. */
  async upload(archive: Buffer | Readable): Promise<string> {
    const { source } = await this.send("POST", "/sources", {}, sourceAnswer);
    const put = await send(source.upload_url, uploadRequest(archive));
    if (put.status !== 200) {
      throw new CommandError(`The API refused the upload: ${problemText(put.status, await put.text())}`);
    }
    return source.download_url;
  }

  async createDeployment(app: string, sourceUrl: string, gitRef: string): Promise<DeploymentBody> {
    return this.deploy(app, { sourceUrl, gitRef });
  }

  /** Creates a deployment of a source, of an image or of an earlier release. */
  async deploy(
    app: string,
    { sourceUrl, image, release, gitRef }: DeploymentOptions,
  ): Promise<DeploymentBody> {
    const body = { deployment: { source_url: sourceUrl, image, release, git_ref: gitRef } };
    return (await this.send("POST", `/apps/${app}/deployments`, body, deploymentAnswer)).deployment;
  }

  async deployment(app: string, id: string): Promise<DeploymentBody> {
    return (await this.get(`/apps/${app}/deployments/${id}`, deploymentAnswer)).deployment;
  }

  /** Requests a resource below /v1. */
  async get<Schema extends z.ZodType>(path: string, schema: Schema): Promise<z.output<Schema>> {
    return readAnswer(await this.request("GET", path), path, schema);
  }

  /** Requests a resource that may not exist: undefined for 404. */
  async find<Schema extends z.ZodType>(path: string, schema: Schema): Promise<z.output<Schema> | undefined> {
    const response = await this.request("GET", path);
    if (response.status !== 404) return readAnswer(response, path, schema);
    await response.body?.cancel();
    return undefined;
  }

  /** Sends a request with a body. */
  async send<Schema extends z.ZodType>(
    method: string,
    path: string,
    body: unknown,
    schema: Schema,
  ): Promise<z.output<Schema>> {
    return readAnswer(await this.request(method, path, body), path, schema);
  }

  /**
   * Sends a request below /v1. A response that does not begin for some seconds is reported, and fails the request after a minute.
   * @param signal aborts the request, and the reading of its response.
   * @returns the response, with any status. @throws {CommandError} when there is none.
   */
  async request(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
    const wait = this.#wait;
    const attempt = () =>
      call(`${this.#apiUrl}/v1${path}`, {
        method,
        body,
        authorization: `Bearer ${this.token}`,
        wait,
        signal,
      });
    const response = await attempt();
    if (response.status !== 401) return response;
    await response.body?.cancel();
    this.token = await exchange(this.#apiUrl, this.#apiToken, wait);
    return attempt();
  }
}

async function exchange(apiUrl: string, apiToken: string, wait: ResponseWait): Promise<string> {
  const authorization = basicAuthorization("", apiToken);
  const url = `${apiUrl}/v1/tokens/exchange`;
  const response = await call(url, { method: "POST", body: {}, authorization, wait });
  if (response.status === 401) {
    throw new CommandError(
      `${apiUrl} rejects the API token: sign in again with "slipway login", or set SLIPWAY_TOKEN. ` +
        "For a local Slipway, it is the admin token: set BOOTSTRAP_TOKEN to the one that Slipway was started with.",
      exitCodes.notSignedIn,
    );
  }
  return (await readAnswer(response, "tokens/exchange", exchangeAnswer)).token;
}

function basicAuthorization(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

/** Creates an API token with a user's name and password. Throws CommandError when the API rejects them. */
export async function requestApiToken(
  apiUrl: string,
  user: string,
  password: string,
  schema: z.ZodType<{ token: { token: string } }>,
): Promise<string> {
  const name = `slipway ${new Date().toISOString()}`;
  const authorization = basicAuthorization(user, password);
  const response = await call(`${apiUrl}/v1/tokens`, {
    method: "POST",
    body: { token: { name } },
    authorization,
    wait: new ResponseWait(),
  });
  if (response.status === 401) {
    throw new CommandError(
      `${apiUrl} rejects the user name or the password: check both.`,
      exitCodes.notSignedIn,
    );
  }
  return (await readAnswer(response, "tokens", schema)).token.token;
}

function uploadRequest(archive: Buffer | Readable): RequestInit & { duplex?: "half" } {
  const common = { method: "PUT", headers: { "content-type": archiveType } };
  if (archive instanceof Readable) {
    return { ...common, body: Readable.toWeb(archive), duplex: "half" };
  }
  return { ...common, body: new Uint8Array(archive) };
}

async function call(
  url: string,
  { method = "GET", body, authorization, wait, signal }: CallOptions,
): Promise<Response> {
  const headers = {
    "content-type": "application/json",
    ...(authorization === undefined ? {} : { authorization }),
  };
  const request = {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  };
  const { pathname } = new URL(url);
  return wait.of(`${method} ${pathname}`, (limit) =>
    send(
      url,
      { ...request, signal: signal === undefined ? limit : AbortSignal.any([limit, signal]) },
      { mayRepeat: idempotentMethods.has(method) },
    ),
  );
}

/**
 * Sends a request. Error messages omit the query, which holds an upload's signature.
 * @param options.mayRepeat whether it is sent once more when the connection is closed before the response: a server closes a connection
 * that was idle for some seconds, possibly while the request is on its way.
 */
async function send(url: string, request: RequestInit, { mayRepeat = false } = {}): Promise<Response> {
  try {
    return await fetch(url, request);
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    if (cause instanceof CommandError) throw cause;
    if (mayRepeat && closedCodes.has((cause as NodeJS.ErrnoException).code ?? "")) return send(url, request);
    const address = url.replace(/\?.*/, "");
    throw new CommandError(
      `${address} does not answer: ${reasonOf(cause)}. Check the address and that Slipway runs.`,
      exitCodes.unreachable,
    );
  }
}
