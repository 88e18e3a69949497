// Reads the URL of a buildpack: a git repository, or a .tgz or .tar.gz archive.

import { SlipwayError } from "@slipway/core";

export interface BuildpackUrl {
  readonly kind: "git" | "archive";
  /** Name in logs: the last part of the URL that identifies the buildpack. */
  readonly name: string;
  /** URL for requests: without the ref, and with the URL's credentials, if any. */
  readonly url: string;
  /** URL for logs: as the user wrote it, without credentials. */
  readonly shown: string;
  /** Branch, tag or revision of a repository; null for its default branch, and for an archive. */
  readonly ref: string | null;
}

const protocols: ReadonlySet<string> = new Set(["https:", "http:", "git:"]);
const archiveName = /\.(tgz|tar\.gz)$/i;
/** Names that git accepts as a ref, except those that could be read as an option or a range. */
const validRef = /^(?!-)(?!.*(\.\.|@\{|\/\/))[^\s~^:?*[\\\p{Cc}]{1,200}$/u;

/**
 * @param where the name of the variable or the line, used as the subject of the error.
 * @throws {SlipwayError} "no-buildpack" when the text is not the URL of a buildpack, with a valid example.
 */
export function parseBuildpackUrl(text: string, where: string): BuildpackUrl {
  const given = text.trim();
  const hash = given.indexOf("#");
  const [address, fragment] = hash < 0 ? [given, ""] : [given.slice(0, hash), given.slice(hash + 1)];
  const url = URL.parse(address);
  if (url === null || !protocols.has(url.protocol) || url.hostname === "") throw notUrl(address, where);
  const isArchive = archiveName.test(url.pathname);
  if (isArchive && url.protocol === "git:")
    throw invalid(`${where} names an archive with git://. Write its https:// URL.`);
  return {
    kind: isArchive ? "archive" : "git",
    name: nameOf(url),
    url: url.href,
    shown: `${withoutCredentials(url)}${fragment === "" ? "" : `#${fragment}`}`,
    ref: isArchive ? null : refOf(fragment, where),
  };
}

/** @returns the URL without its user name and password, for logs. */
function withoutCredentials(url: URL): string {
  const shown = new URL(url);
  shown.username = "";
  shown.password = "";
  // A query may contain the signature of a private download.
  if (shown.search !== "") shown.search = "?…";
  return shown.href.replace("?%E2%80%A6", "?…");
}

function refOf(fragment: string, where: string): string | null {
  if (fragment === "") return null;
  if (validRef.test(fragment)) return fragment;
  throw invalid(
    `${where} ends with #${JSON.stringify(fragment)}, which is not the name of a branch or tag, or a revision.`,
  );
}

function notUrl(address: string, where: string): SlipwayError {
  if (/^(ssh:|[\w.-]+@[\w.-]+:)/.test(address))
    return invalid(
      `${where} is an SSH address, and workers have no SSH key. Write the repository's https:// URL.`,
    );
  return invalid(
    `${where} is not the URL of a buildpack. Write https://HOST/REPOSITORY.git#BRANCH, or the URL of a .tgz or .tar.gz archive.`,
  );
}

function nameOf(url: URL): string {
  const parts = url.pathname.split("/").filter((part) => part !== "");
  // https://github.com/OWNER/REPOSITORY/archive/REF.tar.gz
  const archive = parts.lastIndexOf("archive");
  const part = (archive > 0 ? parts[archive - 1] : parts.at(-1)) ?? url.hostname;
  const name = part.replace(archiveName, "").replace(/\.git$/, "");
  return (
    name
      .replaceAll(/[^\w.-]+/g, "-")
      .replace(/^[.-]+/, "")
      .slice(0, 60) || "buildpack"
  );
}

function invalid(message: string): SlipwayError {
  return new SlipwayError("no-buildpack", message);
}
