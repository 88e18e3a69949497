// The requests that a build with Cloud Native Buildpacks may send to the registry: reads and writes of its app's images, and reads of its
// base images.

import type { HttpRequest } from "@slipway/core";

export interface RegistryRules {
  /** Repository of the app's images. The build may read and write it. */
  readonly repository: string;
  /** Tag that the build may write. */
  readonly tag: string;
  /** Further repositories that the build may read. */
  readonly readable: readonly string[];
}

/**
 * "write" changes the image, or relies on the registry's content: the build must not check for a layer before a garbage collection that may
 * delete the layer. Opening and closing an upload does neither: the lifecycle does both at its start, to check its write permission.
 */
export type RegistryAccess = "ping" | "read" | "open" | "write" | "refused";

const part =
  /^\/v2\/(?<repository>[a-z0-9][a-z0-9._/-]*)\/(?<kind>blobs|manifests|tags|referrers)\/(?<rest>[\w.:=/-]+)$/;

/**
 * @returns the kind of access of a request, and its target as the registry receives it. The target is normalized, so that this check and
 * the registry interpret the same path.
 */
export function judgeRequest(
  rules: RegistryRules,
  { method, target }: Pick<HttpRequest, "method" | "target">,
): { readonly access: RegistryAccess; readonly target: string } {
  const url = new URL(target.startsWith("/") ? `http://registry${target}` : "http://registry/");
  const normalized = `${url.pathname}${url.search}`;
  return { access: accessOf(rules, method, url), target: normalized };
}

function accessOf(
  rules: RegistryRules,
  method: string,
  { pathname, searchParams, host }: URL,
): RegistryAccess {
  if (host !== "registry") return "refused";
  const reads = method === "GET" || method === "HEAD";
  if (/^\/v2\/?$/.test(pathname)) return reads ? "ping" : "refused";
  const { repository = "", kind = "", rest = "" } = part.exec(pathname)?.groups ?? {};
  const own = repository === rules.repository;
  if (own && kind === "blobs" && method === "HEAD") return "write";
  if (reads) return own || rules.readable.includes(repository) ? "read" : "refused";
  if (!own) return "refused";
  if (kind === "manifests") return method === "PUT" && rest === rules.tag ? "write" : "refused";
  if (kind !== "blobs" || !rest.startsWith("uploads/")) return "refused";
  // The app's repository then contains the mounted layer, so its source repository must be readable.
  const from = searchParams.get("from");
  const mayMount = from === null || from === rules.repository || rules.readable.includes(from);
  if (method === "POST" && (!mayMount || searchParams.getAll("from").length > 1)) return "refused";
  if (method === "POST") return searchParams.has("mount") ? "write" : "open";
  if (method === "DELETE") return "open";
  return method === "PATCH" || method === "PUT" ? "write" : "refused";
}
