// The registry for a build with Cloud Native Buildpacks: a server with credentials for this build only, which forwards the requests that
// the build is allowed to send.

import { randomBytes, timingSafeEqual } from "node:crypto";
import { Readable } from "node:stream";
import { SlipwayError } from "@slipway/core";
import type { HttpRequest, HttpResponse, ImageRegistry } from "@slipway/core";
import { type ExportedImage, readManifest } from "./exported-image.ts";
import { judgeRequest, type RegistryRules } from "./registry-rules.ts";
import { UploadLimit } from "./upload-limit.ts";

export interface GatewayOptions {
  readonly registry: Pick<ImageRegistry, "forward">;
  readonly rules: RegistryRules;
  /** Maximum total size of the build's compressed uploads, and of an image with the layers that it does not upload. */
  readonly maxBytes: number;
  /** Annotations of exported images. */
  readonly annotations: Readonly<Record<string, string>>;
  /** Called with each image that the registry has accepted. */
  readonly onExported: (image: ExportedImage) => void;
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
  annotations,
  onExported,
  signal,
}: GatewayOptions): RegistryGateway {
  const authorization = `Basic ${Buffer.from(`build:${randomBytes(24).toString("hex")}`).toString("base64")}`;
  const exporting = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<void>();
  const limit = new UploadLimit(maxBytes);
  let registryError: SlipwayError | null = null;

  async function sendManifest(request: HttpRequest, ended: AbortSignal): Promise<HttpResponse> {
    const mediaType = request.headers["content-type"] ?? "";
    const manifest = await readManifest(request.body ?? nothing(), { mediaType, annotations });
    if (manifest === null || !limit.allows(manifest.image.sizeBytes ?? 0)) return refusedSize;
    const body = Readable.from([manifest.bytes], { objectMode: false });
    const headers = { ...request.headers, "content-type": manifest.mediaType };
    const response = await registry.forward({ ...request, headers, body }, ended);
    if (response.status === 201) onExported(manifest.image);
    return response;
  }

  async function handle(request: HttpRequest, ended: AbortSignal): Promise<HttpResponse> {
    if (!isSame(request.headers["authorization"] ?? "", authorization)) return unauthorized;
    const { access, target } = judgeRequest(rules, request);
    if (access === "refused") return { status: 403, headers: {}, body: null };
    if (access === "ping") return { status: 200, headers: apiVersion, body: null };
    if (limit.excess !== null) return refusedSize;
    if (access === "write") {
      exporting.resolve();
      await opened.promise;
    }
    const { body, forget } = limit.begin(request.body);
    const isManifest = access === "write" && target.includes("/manifests/");
    const either = AbortSignal.any([signal, ended]);
    try {
      const sent = { ...request, target, body };
      const response = await (isManifest ? sendManifest(sent, either) : registry.forward(sent, either));
      if (response.status >= 500) forget();
      return { ...response, headers: { ...response.headers, ...locationOf(response) } };
    } catch (error) {
      if (!ended.aborted && error instanceof SlipwayError && limit.excess === null) {
        registryError = error;
        forget();
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
    failureOf: (exit) => (exit.fault === "user" ? exit : (limit.excess ?? registryError ?? exit)),
  };
}

const apiVersion = { "docker-distribution-api-version": "registry/2.0" };
const refusedSize: HttpResponse = { status: 413, headers: {}, body: null };
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

async function* nothing(): AsyncGenerator<Uint8Array> {}
