// The API calls of the quickstart.

import { z } from "zod";
import { appAnswer, deploymentAnswer, exchangeAnswer, sourceAnswer } from "@slipway/protocol";
import type { AppBody, DeploymentBody } from "@slipway/protocol";
import { reasonOf, SetupError } from "@slipway/setup";

interface CallOptions {
  method?: string;
  body?: unknown;
  authorization?: string;
}

/** Calls the API at one address with an exchanged token. */
export class ApiClient {
  readonly #apiUrl: string;
  readonly token: string;

  private constructor(apiUrl: string, token: string) {
    this.#apiUrl = apiUrl;
    this.token = token;
  }

  /** Exchanges the API token. Throws SetupError when the API rejects it. */
  static async connect(apiUrl: string, apiToken: string): Promise<ApiClient> {
    const authorization = `Basic ${Buffer.from(`:${apiToken}`).toString("base64")}`;
    const response = await call(`${apiUrl}/v1/tokens/exchange`, { method: "POST", body: {}, authorization });
    if (response.status === 401) {
      throw new SetupError(
        "The API rejects the admin token: set BOOTSTRAP_TOKEN to the token that Slipway was started with.",
      );
    }
    const { token } = await answer(response, "tokens/exchange", exchangeAnswer);
    return new ApiClient(apiUrl, token);
  }

  /** Finds the app of this name; undefined when there is none. */
  async findApp(name: string): Promise<AppBody | undefined> {
    const response = await this.#call(`/v1/apps/${name}`);
    if (response.status === 404) return undefined;
    return (await answer(response, `apps/${name}`, appAnswer)).app;
  }

  async createApp(name: string): Promise<AppBody> {
    const response = await this.#call("/v1/apps", { method: "POST", body: { app: { name } } });
    return (await answer(response, "apps", appAnswer)).app;
  }

  /** Uploads an archive. Returns the source URL for a deployment. */
  async upload(archive: Buffer): Promise<string> {
    const response = await this.#call("/v1/sources", { method: "POST", body: {} });
    const { source } = await answer(response, "sources", sourceAnswer);
    const put = await send(source.upload_url, {
      method: "PUT",
      headers: { "content-type": "application/x-gzip", "content-length": String(archive.length) },
      body: new Uint8Array(archive),
    });
    if (put.status !== 200)
      throw new SetupError(`The upload to the API failed with ${put.status}: ${await put.text()}`);
    return source.download_url;
  }

  async createDeployment(app: string, sourceUrl: string, gitRef: string): Promise<DeploymentBody> {
    const body = { deployment: { source_url: sourceUrl, git_ref: gitRef } };
    const response = await this.#call(`/v1/apps/${app}/deployments`, { method: "POST", body });
    return (await answer(response, "deployments", deploymentAnswer)).deployment;
  }

  async deployment(app: string, id: string): Promise<DeploymentBody> {
    const response = await this.#call(`/v1/apps/${app}/deployments/${id}`);
    return (await answer(response, `deployments/${id}`, deploymentAnswer)).deployment;
  }

  #call(path: string, options: CallOptions = {}): Promise<Response> {
    return call(`${this.#apiUrl}${path}`, { ...options, authorization: `Bearer ${this.token}` });
  }
}

async function call(url: string, { method = "GET", body, authorization }: CallOptions): Promise<Response> {
  const headers = {
    "content-type": "application/json",
    ...(authorization === undefined ? {} : { authorization }),
  };
  return send(url, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
}

/** Sends a request. Error messages omit the query, which holds an upload's signature. */
async function send(url: string, request: RequestInit): Promise<Response> {
  try {
    return await fetch(url, request);
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    throw new SetupError(`${url.replace(/\?.*/, "")} does not answer: ${reasonOf(cause)}`);
  }
}

/** Reads a response's body. Throws SetupError when the request failed, or when the body does not match the schema. */
async function answer<Schema extends z.ZodType>(
  response: Response,
  what: string,
  schema: Schema,
): Promise<z.output<Schema>> {
  const text = await response.text();
  if (!response.ok) throw new SetupError(`The API answered ${what} with ${response.status}: ${text}`);
  const { success, data, error } = schema.safeParse(JSON.parse(text));
  if (success) return data;
  throw new SetupError(
    `The API answered ${what} with an unknown body: check that it is a Slipway of this version.\n${z.prettifyError(error)}`,
  );
}
