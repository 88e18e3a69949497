// The registry for a build with Cloud Native Buildpacks: a server with credentials for this build only, which forwards the requests that
// the build is allowed to send.

import { randomBytes, timingSafeEqual } from "node:crypto";
import { SlipwayError } from "@slipway/core";
import type { ByteStream, HttpRequest, HttpResponse, ImageRegistry } from "@slipway/core";
import { judgeRequest, type RegistryRules } from "./registry-rules.ts";

export interface GatewayOptions {
  readonly registry: Pick<ImageRegistry, "forward">;
  readonly rules: RegistryRules;
  /** Maximum total size of the build's compressed uploads. */
  readonly maxBytes: number;
  /** Called with the digest of an image that the registry has accepted. */
  readonly onExported: (digest: string) => void;
  readonly signal: AbortSignal;
}

export interface RegistryGateway {
  /** Required value of the Authorization header of requests. */
  readonly authorization: string;
  readonly handle: (request: HttpRequest, signal: AbortSignal) => Promise<HttpResponse>;
  /** Resolves at the first request that writes. That request and all later writes wait for `open`. */
  readonly exporting: Promise<void>;
  open(): void;
  /** Resolves when `open` is called. */
  readonly opened: Promise<void>;
  /**
   * @param exit the error for the exit code of a failed lifecycle.
   * @returns the error of the registry, or of an upload that was ended, if the registry caused the failure; otherwise `exit`. The lifecycle
   * repeats requests, so an error of the registry does not explain a later failure in the user's part of the build.
   */
  failureOf(exit: SlipwayError): SlipwayError;
}

export function openRegistryGateway({
  registry,
  rules,
  maxBytes,
  onExported,
  signal,
}: GatewayOptions): RegistryGateway {
  const authorization = `Basic ${Buffer.from(`build:${randomBytes(24).toString("hex")}`).toString("base64")}`;
  const exporting = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<void>();
  let excess: SlipwayError | null = null;
  let registryError: SlipwayError | null = null;
  let uploadedBytes = 0;
  let sentBytes = 0;

  async function* counted(bytes: ByteStream, upload: { bytes: number }): AsyncGenerator<Uint8Array> {
    for await (const chunk of bytes) {
      upload.bytes += chunk.length;
      uploadedBytes += chunk.length;
      sentBytes += chunk.length;
      if (uploadedBytes > maxBytes || sentBytes > maxSends * maxBytes) {
        excess = tooLarge(maxBytes);
        throw excess;
      }
      yield chunk;
    }
  }

  async function handle(request: HttpRequest, ended: AbortSignal): Promise<HttpResponse> {
    if (!isSame(request.headers["authorization"] ?? "", authorization)) return unauthorized;
    const { access, target } = judgeRequest(rules, request);
    if (access === "refused") return { status: 403, headers: {}, body: null };
    if (access === "ping") return { status: 200, headers: apiVersion, body: null };
    if (excess !== null) return { status: 413, headers: {}, body: null };
    if (access === "write") {
      exporting.resolve();
      await opened.promise;
    }
    const upload = { bytes: 0 };
    try {
      const body = request.body === null ? null : counted(request.body, upload);
      const response = await registry.forward({ ...request, target, body }, AbortSignal.any([signal, ended]));
      if (response.status >= 500) uploadedBytes -= upload.bytes;
      const digest = response.headers["docker-content-digest"];
      if (response.status === 201 && target.includes("/manifests/") && digest !== undefined)
        onExported(digest);
      return { ...response, headers: { ...response.headers, ...locationOf(response) } };
    } catch (error) {
      if (!ended.aborted && error instanceof SlipwayError && excess === null) {
        registryError = error;
        // The lifecycle repeats this upload.
        uploadedBytes -= upload.bytes;
      }
      throw error;
    }
  }

  return {
    authorization,
    handle,
    exporting: exporting.promise,
    open: () => opened.resolve(),
    opened: opened.promise,
    failureOf: (exit) => (exit.fault === "user" ? exit : (excess ?? registryError ?? exit)),
  };
}

/** How many times `maxBytes` may be sent in total, including failed uploads. */
const maxSends = 3;
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
