// A deployment as a row: scalar values in columns, values that are only read as a whole as JSON.

import type {
  AttemptRecord,
  Deployment,
  DeploymentSource,
  DeploymentStatus,
  DeploymentSummary,
  Failure,
  PhaseRecord,
  Pusher,
  StatusChange,
} from "@slipway/core";
import { millis, optionalTime, time } from "./columns.ts";
import type { Value } from "./database.ts";

/** Values for failures that were stored before these fields existed. */
const failureDefaults = { hint: null, phase: null, line: null } as const;

/** The type of a value in JSON. */
type Parsed<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? Parsed<Item>[]
    : T extends object
      ? { [Key in keyof T]: Parsed<T[Key]> }
      : T;

export interface DeploymentRow {
  id: string;
  app_id: string;
  owner_id: string;
  number: number;
  status: string;
  attempt: number;
  revision: number;
  source_id: string | null;
  source_url: string | null;
  source_release_id: string | null;
  source_image: string | null;
  git_ref: string | null;
  postdeploy_hook: string | null;
  previous_git_ref: string | null;
  pusher: string;
  created_at: number;
  started_at: number | null;
  finished_at: number | null;
  history: string;
  failure: string | null;
  timeline: string | null;
  release_id: string | null;
  image: string | null;
  image_digest: string | null;
  image_size_bytes: number | null;
  stack_image: string | null;
  log_line_count: number | null;
  log_sha256: string | null;
}

/** The columns that a list of apps needs. */
export type SummaryRow = Pick<
  DeploymentRow,
  "id" | "app_id" | "status" | "git_ref" | "created_at" | "finished_at"
>;

/** Columns that are set once, at creation, in the order of `fixedValues`. */
export const fixedColumns = [
  "id",
  "app_id",
  "owner_id",
  "number",
  "source_id",
  "source_url",
  "source_release_id",
  "source_image",
  "git_ref",
  "postdeploy_hook",
  "pusher",
  "created_at",
] as const;

/** Columns that a change may set, in the order of `changeableValues`. */
export const changeableColumns = [
  "status",
  "attempt",
  "revision",
  "previous_git_ref",
  "started_at",
  "finished_at",
  "history",
  "failure",
  "timeline",
  "release_id",
  "image",
  "image_digest",
  "image_size_bytes",
  "stack_image",
  "log_line_count",
  "log_sha256",
] as const;

export function fixedValues(deployment: Deployment): Value[] {
  const { source } = deployment;
  return [
    deployment.id,
    deployment.appId,
    deployment.ownerId,
    deployment.number,
    source.kind === "upload" ? source.sourceId : null,
    source.kind === "url" ? source.url : null,
    source.kind === "release" ? source.releaseId : null,
    source.kind === "image" ? source.reference : null,
    deployment.gitRef,
    deployment.postdeployHook,
    JSON.stringify(deployment.pusher),
    deployment.createdAt.getTime(),
  ];
}

export function changeableValues(deployment: Deployment): Value[] {
  return [
    deployment.status,
    deployment.attempt,
    deployment.revision,
    deployment.previousGitRef,
    millis(deployment.startedAt),
    millis(deployment.finishedAt),
    JSON.stringify(deployment.history),
    deployment.failure === null ? null : JSON.stringify(deployment.failure),
    deployment.timeline.length === 0 ? null : JSON.stringify(deployment.timeline),
    deployment.releaseId,
    deployment.image,
    deployment.imageDigest,
    deployment.imageSizeBytes,
    deployment.stackImage,
    deployment.logLineCount,
    deployment.logSha256,
  ];
}

export function deploymentFrom(row: DeploymentRow): Deployment {
  return {
    id: row.id,
    appId: row.app_id,
    ownerId: row.owner_id,
    number: row.number,
    status: row.status as DeploymentStatus,
    attempt: row.attempt,
    revision: row.revision,
    source: sourceFrom(row),
    gitRef: row.git_ref,
    postdeployHook: row.postdeploy_hook,
    previousGitRef: row.previous_git_ref,
    pusher: JSON.parse(row.pusher) as Pusher,
    createdAt: time(row.created_at),
    startedAt: optionalTime(row.started_at),
    finishedAt: optionalTime(row.finished_at),
    history: historyFrom(row.history),
    failure: row.failure === null ? null : { ...failureDefaults, ...(JSON.parse(row.failure) as Failure) },
    timeline: row.timeline === null ? [] : timelineFrom(row.timeline),
    releaseId: row.release_id,
    image: row.image,
    imageDigest: row.image_digest,
    imageSizeBytes: row.image_size_bytes,
    stackImage: row.stack_image,
    logLineCount: row.log_line_count,
    logSha256: row.log_sha256,
  };
}

export function summaryFrom(row: SummaryRow): DeploymentSummary {
  return {
    id: row.id,
    appId: row.app_id,
    status: row.status as DeploymentStatus,
    gitRef: row.git_ref,
    createdAt: time(row.created_at),
    finishedAt: optionalTime(row.finished_at),
  };
}

function sourceFrom(row: DeploymentRow): DeploymentSource {
  if (row.source_release_id !== null) return { kind: "release", releaseId: row.source_release_id };
  if (row.source_id !== null) return { kind: "upload", sourceId: row.source_id };
  if (row.source_image !== null) return { kind: "image", reference: row.source_image };
  return { kind: "url", url: row.source_url ?? "" };
}

function historyFrom(json: string): StatusChange[] {
  const changes = JSON.parse(json) as (Omit<StatusChange, "at"> & { at: string })[];
  return changes.map(({ status, at, attempt, lineCount }) => ({
    status,
    at: new Date(at),
    attempt,
    lineCount,
  }));
}

function timelineFrom(json: string): AttemptRecord[] {
  return (JSON.parse(json) as Parsed<AttemptRecord>[]).map((attempt) => {
    const { number, worker, engine, outcome } = attempt;
    return {
      number,
      worker,
      engine,
      jobAddedAt: dateOrNull(attempt.jobAddedAt),
      startedAt: new Date(attempt.startedAt),
      finishedAt: dateOrNull(attempt.finishedAt),
      outcome,
      phases: attempt.phases.map(phaseFrom),
    };
  });
}

function phaseFrom({ startedAt, finishedAt, ...facts }: Parsed<PhaseRecord>): PhaseRecord {
  return { ...facts, startedAt: new Date(startedAt), finishedAt: dateOrNull(finishedAt) };
}

function dateOrNull(iso: string | null): Date | null {
  return iso === null ? null : new Date(iso);
}
