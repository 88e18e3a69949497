// Reads from a registry that a user named, through the egress guard: with a login if it requires one, and with readable errors.

import { json } from "node:stream/consumers";
import { Readable } from "node:stream";
import { imageRegistryAuth, SlipwayError } from "@slipway/core";
import type { DisposableBytes, ImageReference } from "@slipway/core";
import { openResponse } from "@slipway/outbound";
import type { OpenedResponse } from "@slipway/outbound";
import type { RegistryCredentials } from "../client.ts";

export interface RemoteRegistryOptions {
  readonly reference: ImageReference;
  readonly login: RegistryCredentials | null;
  /** As in OpenUrlOptions. */
  readonly allowedPrivateHosts: readonly string[];
  /** Time limit for one document or layer. */
  readonly timeoutMs: number;
}

interface RemoteRequest {
  /** Media types that the caller supports. */
  readonly accept: readonly string[];
  readonly maxSizeBytes: number;
  readonly tooLarge: (maxSizeBytes: number) => SlipwayError;
  readonly signal: AbortSignal;
}

export interface RemoteRegistry {
  /**
   * Requests a part of the repository: `manifests/DIGEST` or `blobs/DIGEST`.
   * @throws {SlipwayError} "source-unreachable" with advice; the request's own error for a body that is too large.
   */
  get(path: string, request: RemoteRequest): Promise<OpenedResponse>;
}

/** Registries whose host differs from the host in their images' names. */
const hosts: Readonly<Record<string, string>> = { "docker.io": "registry-1.docker.io" };
const maxTokenBytes = 64 * 1024;
const hint = `Check the image's name and digest, and the login in ${imageRegistryAuth}`;

export function connectRemote(options: RemoteRegistryOptions): RemoteRegistry {
  const { scheme, host, repository } = options.reference;
  const { origin } = new URL(`${scheme}://${hosts[host] ?? host}`);
  let authorization: string | null = null;
  const open = (path: string, request: RemoteRequest) =>
    openAuthorized(`${origin}/v2/${repository}/${path}`, options, request, authorization);
  return {
    async get(path, request) {
      let response = await open(path, request);
      // Only the registry itself may decide where the login is sent, not a server to which it redirects.
      if (response.status === 401 && response.origin === origin) {
        await response[Symbol.asyncDispose]();
        authorization = await answerTo(challengeOf(response), options, request.signal);
        response = await open(path, request);
      }
      if (response.status === 200) return response;
      await response[Symbol.asyncDispose]();
      if (response.origin !== origin) throw redirectedRefusal(host, response);
      throw refusal(options, path, response.status);
    },
  };
}

function openAuthorized(
  url: string,
  { allowedPrivateHosts, timeoutMs }: RemoteRegistryOptions,
  { accept, ...request }: RemoteRequest,
  authorization: string | null,
): Promise<OpenedResponse> {
  const headers = {
    accept: accept.join(", "),
    ...(authorization === null ? {} : { authorization }),
  };
  return openResponse(url, {
    ...request,
    headers,
    // Layers are often redirected to a storage service, which must not receive the login.
    secretHeaders: ["authorization"],
    allowedPrivateHosts,
    timeoutMs,
  });
}

function challengeOf({ headers }: OpenedResponse): string {
  return headers["www-authenticate"] ?? "";
}

/** @returns the Authorization header for a registry's challenge. */
async function answerTo(
  challenge: string,
  options: RemoteRegistryOptions,
  signal: AbortSignal,
): Promise<string> {
  const { reference, login } = options;
  const basic =
    login === null ? null : `Basic ${Buffer.from(`${login.username}:${login.password}`).toString("base64")}`;
  if (/^bearer\b/i.test(challenge)) return `Bearer ${await tokenOf(challenge, basic, options, signal)}`;
  if (basic !== null) return basic;
  throw needsLogin(reference, login);
}

async function tokenOf(
  challenge: string,
  basic: string | null,
  options: RemoteRegistryOptions,
  signal: AbortSignal,
): Promise<string> {
  const { reference, login } = options;
  const response = await openAuthorized(
    realmOf(challenge, reference),
    options,
    {
      accept: ["application/json"],
      maxSizeBytes: maxTokenBytes,
      tooLarge: () => badToken(reference),
      signal,
    },
    basic,
  );
  await using held: DisposableBytes = response;
  if (response.status === 401 || response.status === 403) throw needsLogin(reference, login);
  if (response.status !== 200) throw badToken(reference);
  const token = tokenIn(await json(Readable.from(held)).catch(() => null));
  signal.throwIfAborted();
  if (token === null) throw badToken(reference);
  return token;
}

function tokenIn(answer: unknown): string | null {
  if (typeof answer !== "object" || answer === null) return null;
  const found = "token" in answer ? answer.token : "access_token" in answer ? answer.access_token : null;
  return typeof found === "string" && /^[\x21-\x7e]+$/.test(found) ? found : null;
}

/** The login may be sent to the realm, so a registry with TLS must name a realm with TLS. */
function realmOf(challenge: string, { scheme, host, repository }: ImageReference): string {
  const parameters = new Map(
    [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = "", value = ""]) => [key.toLowerCase(), value]),
  );
  const realm = URL.parse(parameters.get("realm") ?? "");
  if (realm === null || (scheme === "https" && realm.protocol !== "https:"))
    throw unreachable(`the registry ${host} names no https:// service that issues its tokens.`);
  const service = parameters.get("service");
  if (service !== undefined) realm.searchParams.set("service", service);
  realm.searchParams.set("scope", parameters.get("scope") ?? `repository:${repository}:pull`);
  return realm.href;
}

function refusal({ reference, login }: RemoteRegistryOptions, path: string, status: number): SlipwayError {
  const { host, repository } = reference;
  if (status === 401 || status === 403) return needsLogin(reference, login);
  if (status === 404)
    return unreachable(
      `the registry ${host} has no ${path.replace("/", " ").replace(/s /, " ")} in ${repository}.`,
    );
  if (status === 429)
    return unreachable(
      `the registry ${host} limits requests, and responded with status 429. Try again later.`,
    );
  return unreachable(`the registry ${host} responded with status ${status}.`);
}

function redirectedRefusal(registry: string, { host, status }: OpenedResponse): SlipwayError {
  const reason = [401, 403].includes(status) ? `: the login is sent to ${registry} only` : "";
  return unreachable(
    `the registry ${registry} redirects to ${host}, which responded with status ${status}${reason}.`,
  );
}

function needsLogin({ host, repository }: ImageReference, login: RegistryCredentials | null): SlipwayError {
  const reason =
    login === null
      ? `the repository needs a login, and the variable ${imageRegistryAuth} has none for ${host}`
      : `the login for ${host} in the variable ${imageRegistryAuth} may not read the repository`;
  return unreachable(
    `the registry ${host} refuses access to ${repository}: the repository does not exist, or ${reason}.`,
  );
}

function badToken({ host }: ImageReference): SlipwayError {
  return unreachable(`the service that issues the tokens of ${host} returned none.`);
}

function unreachable(message: string): SlipwayError {
  return new SlipwayError("source-unreachable", message.replace(/^t/, "T"), { hint });
}
