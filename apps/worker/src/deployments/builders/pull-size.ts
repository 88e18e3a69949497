// Reads the size of an image that a user names from its registry, before an engine pulls the image.

import { SlipwayError } from "@slipway/core";
import { requestUrl } from "@slipway/outbound";
import type { UrlResponse } from "@slipway/outbound";
import { z } from "zod";

export interface PullSizeOptions {
  /** Private addresses and ranges in which registries are allowed. */
  readonly allowed: readonly string[];
  readonly signal: AbortSignal;
}

/** The engine's name for its default registry, and the registry's real host. */
const defaultRegistry = "docker.io";
const defaultRegistryHost = "registry-1.docker.io";
const manifestTypes = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");
/** Registries accept no larger manifests. */
const maxManifestBytes = 4 * 1024 ** 2;
const maxRedirects = 3;
const redirectStatuses: ReadonlySet<number | null> = new Set([301, 302, 303, 307, 308]);
const loopback = /^(?:127\.\d+\.\d+\.\d+|\[::1\]|localhost)(?::|$)/;
const architectures: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

const size = z.number().nonnegative();
const manifestSchema = z.union([
  z.object({
    manifests: z.array(
      z.object({
        digest: z.string(),
        platform: z.object({ os: z.string(), architecture: z.string() }).optional(),
      }),
    ),
  }),
  z.object({ config: z.object({ size }), layers: z.array(z.object({ size })) }),
]);
const tokenSchema = z.object({ token: z.string().optional(), access_token: z.string().optional() });

/**
 * Sums up the compressed sizes of the layers that the engine would download for this machine's architecture.
 * @param reference with its registry, for example `docker.io/heroku/builder:24`.
 * @returns null when the default registry does not respond: the engine may have a mirror of it.
 * @throws {SlipwayError} "build-failed" when the image does not exist or is not public; "registry-unavailable".
 */
export async function pullSize(reference: string, options: PullSizeOptions): Promise<number | null> {
  const image = parseReference(reference);
  const client = { image, options, authorization: { value: null as string | null } };
  const first = await manifestOf(client, image.version);
  if (first === null) return null;
  if (!("manifests" in first)) return sizeOf(first);
  const architecture = architectures[process.arch] ?? process.arch;
  const matching = first.manifests.find(
    ({ platform }) => platform?.os === "linux" && platform.architecture === architecture,
  );
  if (matching === undefined) throw failed(`${reference} has no image for linux/${architecture}`);
  const second = await manifestOf(client, matching.digest);
  if (second === null) return null;
  if ("manifests" in second) throw failed(`${reference} is an index of indexes, which engines do not pull`);
  return sizeOf(second);
}

interface Image {
  readonly reference: string;
  readonly host: string;
  readonly repository: string;
  /** Tag or digest. */
  readonly version: string;
}

interface Client {
  readonly image: Image;
  readonly options: PullSizeOptions;
  readonly authorization: { value: string | null };
}

function parseReference(reference: string): Image {
  const [, host = "", repository = "", tag, digest] =
    /^([^/]+)\/([^:@]+)(?::([^@]+))?(?:@(.+))?$/.exec(reference) ?? [];
  if (repository === "") throw failed(`${reference} is not a valid name of an image`);
  return { reference, host, repository, version: digest ?? tag ?? "latest" };
}

function sizeOf({
  config,
  layers,
}: {
  config: { size: number };
  layers: readonly { size: number }[];
}): number {
  return layers.reduce((sum, layer) => sum + layer.size, config.size);
}

async function manifestOf(client: Client, version: string): Promise<z.infer<typeof manifestSchema> | null> {
  const { host, repository, reference } = client.image;
  const isDefault = host === defaultRegistry;
  // Like the engine, uses plain HTTP only for loopback addresses.
  const origin = isDefault
    ? `https://${defaultRegistryHost}`
    : `${loopback.test(host) ? "http" : "https"}://${host}`;
  const response = await authorized(client, `${origin}/v2/${repository}/manifests/${version}`);
  if (response.status === null && isDefault) return null;
  if ([401, 403, 404].includes(response.status ?? 0))
    throw failed(
      `the image ${reference} cannot be pulled: ${host} responded with status ${response.status}. Check its name and that it is public`,
    );
  if (response.status !== 200)
    throw new SlipwayError(
      "registry-unavailable",
      `the size of the image ${reference} cannot be read: ${response.error ?? `${host} responded with status ${response.status}`}`,
    );
  return parsed(manifestSchema, response.text, `${host} returned no manifest of the image ${reference}`);
}

/** Gets a token if the registry itself requires one. The token is sent only to the registry. */
async function authorized(client: Client, url: string): Promise<UrlResponse> {
  const { response: first, isSameOrigin } = await followed(client, url);
  const challenge = first.headers["www-authenticate"] ?? "";
  if (!isSameOrigin || first.status !== 401 || !/^bearer /i.test(challenge)) return first;
  const parameters = new Map(
    Array.from(challenge.matchAll(/(\w+)="([^"]*)"/g), ([, key = "", value = ""]) => [key, value]),
  );
  const realm = URL.parse(parameters.get("realm") ?? "");
  if (realm === null) return first;
  for (const key of ["service", "scope"]) realm.searchParams.set(key, parameters.get(key) ?? "");
  const response = await get(client, realm.href, {});
  if (response.status !== 200) return response;
  const found = parsed(tokenSchema, response.text, `${realm.host} returned no token`);
  client.authorization.value = `Bearer ${found.token ?? found.access_token ?? ""}`;
  return (await followed(client, url)).response;
}

interface Followed {
  readonly response: UrlResponse;
  /** Whether the registry itself responded, not a server that the registry redirects to. */
  readonly isSameOrigin: boolean;
}

async function followed(client: Client, url: string): Promise<Followed> {
  let target = url;
  for (let redirects = 0; ; redirects += 1) {
    const { value } = client.authorization;
    const isSameOrigin = URL.parse(target)?.origin === URL.parse(url)?.origin;
    const response = await get(client, target, {
      accept: manifestTypes,
      ...(isSameOrigin && value !== null ? { authorization: value } : {}),
    });
    const next = URL.parse(response.headers.location ?? "", target);
    if (!redirectStatuses.has(response.status) || next === null || redirects === maxRedirects)
      return { response, isSameOrigin };
    target = next.href;
  }
}

function get(
  { options: { allowed, signal } }: Client,
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<UrlResponse> {
  const options = { method: "GET", headers, allowedPrivateHosts: allowed } as const;
  return requestUrl(url, { ...options, signal, maxTextBytes: maxManifestBytes });
}

function parsed<Schema extends z.ZodType>(schema: Schema, text: string, message: string): z.infer<Schema> {
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw new SlipwayError("build-failed", message, { cause: error });
  }
}

function failed(message: string): SlipwayError {
  return new SlipwayError("build-failed", message);
}
