// Names of images in registries, with the digest of their content.

import { SlipwayError } from "./errors.ts";

/** An image of a registry by digest: `registry.example.com/team/app@sha256:…`. */
export interface ImageReference {
  readonly scheme: "https" | "http";
  /** The registry's host, and its port if the reference names one. */
  readonly host: string;
  readonly repository: string;
  /** `sha256:` and 64 hexadecimal digits, of a manifest or of an index for several platforms. */
  readonly digest: string;
}

export const maxImageReferenceChars = 500;

const defaultHost = "docker.io";
const digestPattern = /^sha256:[0-9a-f]{64}$/;
const hostPattern = /^([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:\d{1,5})?$/;
const component = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const repositoryPattern = new RegExp(`^${component}(?:/${component})*$`);
const tagPattern = /:[\w][\w.-]{0,127}$/;

/**
 * Reads a name as Docker does: a name without a host is one of Docker Hub, and a tag before the digest is ignored. `http://` in front
 * names a registry without TLS.
 * @throws {SlipwayError} "invalid" with a message that continues the name of a field: what is wrong, and how to get a digest.
 */
export function parseImageReference(text: string): ImageReference {
  const [, given, rest = ""] = /^(https?:\/\/)?(.*)$/s.exec(text.trim()) ?? [];
  const scheme = given === "http://" ? "http" : "https";
  const at = rest.lastIndexOf("@");
  const name = at === -1 ? rest : rest.slice(0, at);
  const digest = at === -1 ? "" : rest.slice(at + 1);
  const { host, path } = splitHost(name.replace(tagPattern, ""));
  const isName =
    URL.canParse(`${scheme}://${host}`) &&
    text.length <= maxImageReferenceChars &&
    hostPattern.test(host) &&
    repositoryPattern.test(path);
  if (!isName)
    throw invalid("must be an image's name with its digest, such as registry.example.com/team/app@sha256:…");
  if (digest === "")
    throw invalid(
      `has no digest, and a tag may name another image tomorrow: add the digest that "docker buildx imagetools inspect ${name}" prints, as in ${name}@sha256:…`,
    );
  if (!digestPattern.test(digest))
    throw invalid("has a digest that is not sha256: and 64 hexadecimal digits in lower case");
  // The host in its canonical form, so that a registry has only one: without the default port, an IPv4 address with four numbers.
  return { scheme, host: URL.parse(`${scheme}://${host}`)?.host ?? host, repository: path, digest };
}

/** @returns the text that `parseImageReference` parses to this reference. */
export function formatImageReference({ scheme, host, repository, digest }: ImageReference): string {
  return `${scheme === "http" ? "http://" : ""}${host}/${repository}@${digest}`;
}

/**
 * Whether two hosts name the same registry: in upper or lower case, with or without the default port of HTTPS or HTTP. Most places name a
 * registry without its scheme, so both ports count as the default one.
 */
export function isSameRegistry(one: string, other: string): boolean {
  return usualHost(one) === usualHost(other);
}

/** Writes an IPv4 address with four numbers. */
function usualHost(host: string): string {
  return (URL.parse(`http://${host}`)?.host ?? host.toLowerCase()).replace(/:443$/, "");
}

/** The first part is a host if it cannot be a folder of Docker Hub. */
function splitHost(name: string): { readonly host: string; readonly path: string } {
  const slash = name.indexOf("/");
  const first = name.slice(0, Math.max(slash, 0)).toLowerCase();
  if (/[.:]|^localhost$/.test(first)) return { host: first, path: name.slice(slash + 1) };
  return { host: defaultHost, path: slash === -1 ? `library/${name}` : name };
}

function invalid(message: string): SlipwayError {
  return new SlipwayError("invalid", message);
}
