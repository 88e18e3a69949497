// Which requests to the registry a build by Cloud Native Buildpacks may send: reads and writes of its app's images, and reads of the
// images that it builds on.

import type { HttpRequest } from "@slipway/core";

export interface RegistryRules {
  /** Repository of the app's images, which the build may read and write. */
  readonly repository: string;
  /** Tag that the build may write. */
  readonly tag: string;
  /** Repositories that it may read as well. */
  readonly readable: readonly string[];
}

/**
 * "write" changes the image, or relies on what the registry has: whether it has a layer is not asked before a garbage collection that may
 * delete the layer. Opening and closing an upload do neither: the lifecycle does both at its start, to see whether it may write.
 */
export type RegistryAccess = "ping" | "read" | "open" | "write" | "refused";

const part =
  /^\/v2\/(?<repository>[a-z0-9][a-z0-9._/-]*)\/(?<kind>blobs|manifests|tags|referrers)\/(?<rest>[\w.:=/-]+)$/;

/** @returns what a request does, and its target as the registry receives it: normalized, so that both read the same path. */
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
  // A mounted layer becomes readable in the app's repository.
  const from = searchParams.get("from");
  const mayMount = from === null || from === rules.repository || rules.readable.includes(from);
  if (method === "POST" && (!mayMount || searchParams.getAll("from").length > 1)) return "refused";
  if (method === "POST") return searchParams.has("mount") ? "write" : "open";
  if (method === "DELETE") return "open";
  return method === "PATCH" || method === "PUT" ? "write" : "refused";
}
