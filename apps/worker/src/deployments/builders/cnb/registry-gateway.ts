// The registry that a build by Cloud Native Buildpacks uses: a server with credentials for this build only, which forwards the requests
// that the build may send.

import { randomBytes, timingSafeEqual } from "node:crypto";
import { SlipwayError } from "@slipway/core";
import type { ByteStream, HttpRequest, HttpResponse, ImageRegistry } from "@slipway/core";
import { judgeRequest, type RegistryRules } from "./registry-rules.ts";

export interface GatewayOptions {
  readonly registry: Pick<ImageRegistry, "forward">;
  readonly rules: RegistryRules;
  /** Maximum size of all uploads of the build, compressed. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

export interface RegistryGateway {
  /** Value of the Authorization header that requests must have. */
  readonly authorization: string;
  readonly handle: (request: HttpRequest, signal: AbortSignal) => Promise<HttpResponse>;
  /** Resolves at the first request that writes. That request and all later writes wait for `open`. */
  readonly exporting: Promise<void>;
  open(): void;
  /** Resolves at `open`. */
  readonly opened: Promise<void>;
  /** The reason why the gateway ended an upload, or the error of the registry; null without either. */
  failure(): SlipwayError | null;
}

export function openRegistryGateway({ registry, rules, maxBytes, signal }: GatewayOptions): RegistryGateway {
  const authorization = `Basic ${Buffer.from(`build:${randomBytes(24).toString("hex")}`).toString("base64")}`;
  const exporting = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<void>();
  let failure: SlipwayError | null = null;
  let uploadedBytes = 0;

  async function* counted(bytes: ByteStream): AsyncGenerator<Uint8Array> {
    for await (const chunk of bytes) {
      uploadedBytes += chunk.length;
      if (uploadedBytes > maxBytes) {
        failure = tooLarge(maxBytes);
        throw failure;
      }
      yield chunk;
    }
  }

  async function handle(request: HttpRequest, ended: AbortSignal): Promise<HttpResponse> {
    if (!isSame(request.headers["authorization"] ?? "", authorization)) return unauthorized;
    const { access, target } = judgeRequest(rules, request);
    if (access === "refused") return { status: 403, headers: {}, body: null };
    if (access === "ping") return { status: 200, headers: apiVersion, body: null };
    if (failure?.code === "image-too-large") return { status: 413, headers: {}, body: null };
    if (access === "write") {
      exporting.resolve();
      await opened.promise;
    }
    try {
      const body = request.body === null ? null : counted(request.body);
      const response = await registry.forward({ ...request, target, body }, AbortSignal.any([signal, ended]));
      return { ...response, headers: { ...response.headers, ...locationOf(response) } };
    } catch (error) {
      if (failure === null && !ended.aborted && error instanceof SlipwayError) failure = error;
      throw error;
    }
  }

  return {
    authorization,
    handle,
    exporting: exporting.promise,
    open: () => opened.resolve(),
    opened: opened.promise,
    failure: () => failure,
  };
}

const apiVersion = { "docker-distribution-api-version": "registry/2.0" };
const unauthorized: HttpResponse = {
  status: 401,
  headers: { ...apiVersion, "www-authenticate": 'Basic realm="the build\'s registry"' },
  body: null,
};

/** @returns the location without the registry's address, which the build cannot reach. */
function locationOf({ headers: { location } }: HttpResponse): { readonly location?: string } {
  if (location === undefined) return {};
  const { pathname, search } = new URL(location, "http://registry");
  return { location: `${pathname}${search}` };
}

function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function tooLarge(maxBytes: number): SlipwayError {
  const limit = `${Math.floor(maxBytes / 1024 ** 2)} MiB`;
  return new SlipwayError("image-too-large", `the image has more than the ${limit} allowed (IMAGE_MAX_MB)`);
}
