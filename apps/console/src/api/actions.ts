// Changes that the console makes through the API.

import type {
  AppAnswer,
  AppChanges,
  CreateNotifierBody,
  DeploymentAnswer,
  NotifierBody,
  OperationAnswer,
  SessionAnswer,
  SourceAnswer,
  VariableBody,
  WorkerAnswer,
} from "@slipway/protocol";
import { ApiError, call } from "./client.ts";
import { appPath } from "./queries.ts";

/** Logs in with a user name and a password, or with an API token. */
export async function logIn(login: { name: string; password: string } | { token: string }) {
  const authorization =
    "token" in login ? `Bearer ${login.token}` : `Basic ${base64(`${login.name}:${login.password}`)}`;
  return (await call<SessionAnswer>("POST", "/session", undefined, { authorization })).session;
}

export const logOut = () => call<undefined>("DELETE", "/session");

/** A JWT for the stream, valid for one hour. It stays in memory. */
export const socketToken = async () => (await call<{ token: string }>("POST", "/tokens/exchange")).token;

export const createApp = async (name: string) =>
  (await call<AppAnswer>("POST", "/apps", { app: { name } })).app;

/** Uploads an archive. @returns the URL to deploy. */
export async function uploadSource(archive: Blob, onProgress: (part: number) => void): Promise<string> {
  const { source } = await call<SourceAnswer>("POST", "/sources");
  const { pathname, search } = new URL(source.upload_url);
  await upload(new URL(pathname + search, document.baseURI).href, archive, onProgress);
  return source.download_url;
}

export const deploySource = async (app: string, url: string, gitRef: string) =>
  deploy(app, { source_url: url, ...(gitRef === "" ? {} : { git_ref: gitRef }) });

/** Deploys an image that was built elsewhere. */
export const deployImage = async (app: string, image: string, gitRef: string) =>
  deploy(app, { image, ...(gitRef === "" ? {} : { git_ref: gitRef }) });

export const deployRelease = async (app: string, release: number) => deploy(app, { release });

/** Browsers send a request again when a keep-alive connection was closed: with the key, both requests create only one deployment. */
const deploy = async (app: string, deployment: object) => {
  const headers = { "idempotency-key": newKey() };
  return (await call<DeploymentAnswer>("POST", appPath(app, "/deployments"), { deployment }, headers))
    .deployment;
};

/** `crypto.randomUUID` is missing on pages without TLS. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16)).join("-");
}

export const abort = (app: string, id: string) =>
  call<DeploymentAnswer>("POST", appPath(app, `/deployments/${id}/abort`), {});

/** Changes settings of an app. */
export const changeApp = (app: string, changes: AppChanges) =>
  call<AppAnswer>("PATCH", appPath(app), { app: changes });

export const restart = async (app: string) =>
  call<OperationAnswer | undefined>("POST", appPath(app, "/restart"), {});

export const scale = (app: string, name: string, amount: number) =>
  call<unknown>("POST", appPath(app, "/scale"), { containers: [{ name, amount }] });

export const setDraining = (worker: string, draining: boolean) =>
  call<WorkerAnswer>("PATCH", `/workers/${worker}`, { worker: { draining } });

/** @param scope null to keep the scope of an existing variable. */
export const setVariable = (
  app: string,
  name: string,
  value: string,
  scope: VariableBody["scope"] | null = null,
) =>
  call<unknown>("PUT", appPath(app, "/variables"), {
    variables: [{ name, value, ...(scope === null ? {} : { scope }) }],
  });

export const removeVariable = (app: string, { id }: VariableBody) =>
  call<undefined>("DELETE", appPath(app, `/variables/${id}`));

export const addCollaborator = (app: string, email: string, limited: boolean) =>
  call<unknown>("POST", appPath(app, "/collaborators"), { collaborator: { email, is_limited: limited } });

export const removeCollaborator = (app: string, id: string) =>
  call<undefined>("DELETE", appPath(app, `/collaborators/${id}`));

/** @returns the notifier. For a webhook, it includes the secret that signs its requests, which no later response contains. */
export const addNotifier = async (
  app: string,
  notifier: Pick<CreateNotifierBody, "platform_id" | "name" | "type_data">,
): Promise<NotifierBody> => {
  const body = { notifier: { ...notifier, send_all_events: true } };
  return (await call<{ notifier: NotifierBody }>("POST", appPath(app, "/notifiers"), body)).notifier;
};

export const removeNotifier = (app: string, id: string) =>
  call<undefined>("DELETE", appPath(app, `/notifiers/${id}`));

export const testNotifier = (app: string, id: string) =>
  call<unknown>("POST", appPath(app, `/notifiers/${id}/test`), {});

function base64(text: string): string {
  return btoa(String.fromCodePoint(...new TextEncoder().encode(text)));
}

/** XMLHttpRequest, because fetch does not report the progress of an upload. */
function upload(url: string, body: Blob, onProgress: (part: number) => void): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const request = new XMLHttpRequest();
  request.open("PUT", url);
  request.upload.addEventListener("progress", ({ loaded, total }) =>
    onProgress(total === 0 ? 0 : loaded / total),
  );
  request.addEventListener("load", () => {
    if (request.status < 300) resolve();
    else
      reject(new ApiError(request.status, `The upload was refused: ${request.responseText.slice(0, 300)}`));
  });
  request.addEventListener("error", () =>
    reject(new ApiError(0, "The upload was cut. Check your connection and deploy again.")),
  );
  request.send(body);
  return promise;
}
