// Explains to users why git could not fetch a buildpack.

import type { SlipwayError } from "@slipway/core";
import { buildpackFailure } from "./buildpack-failure.ts";
import type { GitOutcome } from "./git.ts";

interface Reason {
  readonly pattern: RegExp;
  readonly message: string;
}

const tooLarge =
  "the repository is too large to fetch. Use one with fewer files, or a .tgz archive of what the buildpack needs.";

/** The first matching reason counts: git reports causes before their consequences. */
const reasons: readonly Reason[] = [
  {
    pattern:
      /could not read Username|Authentication failed|HTTP Basic: Access denied|The requested URL returned error: 401/,
    message:
      "the server requires authentication for it, or has no such repository. For a private one put user name and token into the URL: https://USER:TOKEN@HOST/…",
  },
  {
    pattern: /The requested URL returned error: 403/,
    message: "the server denied access to it (status 403). Check the permissions of the token in its URL.",
  },
  {
    pattern:
      /repository '.*' not found|Repository not found|no such repository|access denied or repository not exported|does not appear to be a git repository|not valid: is this a git repository/i,
    message: "there is no git repository at this URL. Check owner, name and spelling.",
  },
  {
    pattern: /certificate verification failed|SSL certificate problem|certificate subject name/i,
    message:
      "the server's certificate is not valid, or of an authority that the worker does not trust. Operators add authorities with NODE_EXTRA_CA_CERTS.",
  },
  {
    pattern: /dumb http transport does not support shallow/,
    message:
      "the server does not speak git's smart protocol. Serve the repository with git-http-backend, or use a .tgz archive.",
  },
  {
    pattern: /couldn't find remote ref|not our ref|unadvertised object|no such remote ref/i,
    message:
      "the repository has no such revision. Name a branch, a tag or a full revision after # in the URL.",
  },
  {
    // Messages about the signals of the CPU and file size limits, and about failed allocations.
    pattern: /died of signal (24|25|9)\b|File too large|out of memory|mmap failed|cannot allocate/i,
    message: tooLarge,
  },
  {
    pattern: /bad pack header|early EOF|unexpected disconnect|did not send all necessary objects/,
    message:
      "the server did not send all of it: the repository is damaged, or the connection broke. Deploy again, and check the repository with git fsck.",
  },
];

/**
 * @param subject the buildpack, with which the message begins.
 * @returns the user's error for a failed git command.
 */
export function gitFailure(subject: string, outcome: GitOutcome): SlipwayError {
  const { stderr } = outcome;
  const known = reasons.find(({ pattern }) => pattern.test(stderr))?.message;
  // Git itself is ended by a signal only at one of its limits.
  const reason = known ?? (outcome.exitCode === null ? tooLarge : `git reported: ${lastLine(outcome)}`);
  return buildpackFailure(`${subject}: ${reason}`);
}

function lastLine({ stderr, exitCode }: GitOutcome): string {
  const lines = stderr.split("\n").filter((line) => /^(fatal|error|remote):/.test(line));
  const line = lines.find((one) => one.startsWith("fatal:")) ?? lines.at(-1);
  if (line === undefined) return `exit code ${exitCode}`;
  // Removes credentials, which a URL may contain.
  return line
    .replaceAll(/:\/\/[^/\s@]*@/g, "://")
    .replaceAll(/\p{Cc}/gu, " ")
    .slice(0, 300);
}
