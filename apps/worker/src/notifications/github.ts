// Notifies GitHub: sets a status on the deployed commit when the source is a GitHub archive.
// Source of the requests: https://docs.github.com/en/rest/commits/statuses

import { isFinal } from "@slipway/core";
import type { Deployment, DeploymentStore, NotifierTarget } from "@slipway/core";
import { requestUrl } from "@slipway/outbound";
import type { UrlResponse } from "@slipway/outbound";
import type { WorkerConfig } from "../config.ts";
import type { Notification, Outcome } from "./notification.ts";

export interface GithubContext {
  readonly config: Pick<WorkerConfig, "githubApiUrl" | "allowedPrivateHosts">;
  readonly store: { readonly deployments: Pick<DeploymentStore, "get"> };
}

export interface Commit {
  readonly owner: string;
  readonly repository: string;
  /** A branch, a tag, or the commit's own hash. */
  readonly ref: string;
}

const sha = /^[0-9a-f]{40}$/;
const name = "[A-Za-z0-9._-]+";
/** URLs of GitHub archives: https://docs.github.com/en/repositories/working-with-files/using-files/downloading-source-code-archives */
const archives: readonly (readonly [host: string, path: RegExp])[] = [
  [
    "github.com",
    new RegExp(`^/(${name})/(${name})/archive/(?:refs/(?:heads|tags)/)?(.+)\\.(?:tar\\.gz|tgz)$`),
  ],
  [
    "codeload.github.com",
    new RegExp(`^/(${name})/(${name})/(?:legacy\\.)?tar\\.gz/(?:refs/(?:heads|tags)/)?(.+)$`),
  ],
  ["api.github.com", new RegExp(`^/repos/(${name})/(${name})/tarball/(.+)$`)],
];

/** @returns null when the source is not a GitHub archive. */
export function commitOf({ source, gitRef }: Pick<Deployment, "source" | "gitRef">): Commit | null {
  if (source.kind !== "url") return null;
  const url = new URL(source.url);
  for (const [host, path] of archives) {
    const [, owner, repository, ref] = (url.host === host && path.exec(url.pathname)) || [];
    if (owner === undefined || repository === undefined || ref === undefined) continue;
    const named = decoded(ref);
    if (named === null) return null;
    return { owner, repository, ref: !sha.test(named) && sha.test(gitRef ?? "") ? (gitRef ?? named) : named };
  }
  return null;
}

/** Null for an invalid percent-encoding: GitHub has no such archive. */
function decoded(ref: string): string | null {
  try {
    return decodeURIComponent(ref);
  } catch {
    return null;
  }
}

/** Sets the status of the deployed commit. If the deployment is final, sets the final status. */
export async function setCommitStatus(
  context: GithubContext,
  { token }: NotifierTarget & { platform: "github" },
  { app, deployment }: Notification,
): Promise<Outcome> {
  const commit = deployment === null ? null : commitOf(deployment);
  if (deployment === null || commit === null) return { kind: "void" };
  const { owner, repository, ref } = commit;
  const api = `${context.config.githubApiUrl}/repos/${owner}/${repository}`;
  let hash = ref;
  if (!sha.test(ref)) {
    const found = await callApi(context, token, `${api}/commits/${encodeURIComponent(ref)}`);
    if (found.status !== 200) return outcomeOf(found);
    hash = found.text.trim();
    if (!sha.test(hash))
      return { kind: "refused", status: found.status, error: "the response contains no commit hash" };
  }
  for (let sent = deployment; ;) {
    const body = JSON.stringify({ ...statusOf(sent), context: `slipway/${app.name}` });
    const outcome = outcomeOf(await callApi(context, token, `${api}/statuses/${hash}`, body));
    const latest = await context.store.deployments.get(sent.id);
    // The deployment ended during this call: another delivery may have sent its end before this status, so send the end again.
    if (outcome.kind !== "delivered" || isFinal(sent.status) || !latest || !isFinal(latest.status))
      return outcome;
    sent = latest;
  }
}

/** The current status: a late delivery of an early event must not revert it. */
function statusOf({ status, failure }: Deployment): { state: string; description: string } {
  if (!isFinal(status)) return { state: "pending", description: `The deployment is ${status}` };
  if (status === "success") return { state: "success", description: "Deployed" };
  const state = status === "aborted" ? "error" : "failure";
  return { state, description: `${status}: ${failure?.message ?? "no reason given"}`.slice(0, 140) };
}

function callApi(
  { config }: Pick<GithubContext, "config">,
  token: string,
  url: string,
  body?: string,
): Promise<UrlResponse> {
  return requestUrl(url, {
    method: body === undefined ? "GET" : "POST",
    headers: {
      accept: body === undefined ? "application/vnd.github.sha" : "application/vnd.github+json",
      authorization: `Bearer ${token}`,
      "x-github-api-version": "2022-11-28",
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body }),
    // The host is allowed, because the operator configured it.
    allowedPrivateHosts: [...config.allowedPrivateHosts, new URL(config.githubApiUrl).host],
    signal: new AbortController().signal,
  });
}

/** A retry is useless for a wrong token or a missing commit. A rate limit, for which GitHub also answers 403, is temporary. */
export function outcomeOf({ status, error, headers }: Omit<UrlResponse, "text">): Outcome {
  if (status === null) return { kind: "failed", status, error };
  if (status >= 200 && status < 300) return { kind: "delivered", status, error: null };
  const isLimited = headers["retry-after"] !== undefined || headers["x-ratelimit-remaining"] === "0";
  const refused = [401, 403, 404, 422].includes(status) && !(status === 403 && isLimited);
  return { kind: refused ? "refused" : "failed", status, error: `answered with status ${status}` };
}
