// One deployment: the reason of its failure, its timeline, its log.

import { durationText, waitText } from "@slipway/protocol/presentation";
import type { DeploymentBody, QueueBody } from "@slipway/protocol";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { abort } from "../api/actions.ts";
import { appQuery, deploymentQuery } from "../api/queries.ts";
import { useTitle } from "../layout/title.ts";
import { plainOf } from "../log/ansi.ts";
import { addressOf } from "../log/line-range.ts";
import type { LogBuffer } from "../log/log-buffer.ts";
import { LogView } from "../log/log-view.tsx";
import { useLog } from "../log/use-log.ts";
import { Action } from "../parts/action.tsx";
import { Problem } from "../parts/loaded.tsx";
import { Status } from "../parts/status.tsx";
import { Ago, sizeText } from "../parts/time.tsx";
import { Receipt } from "../receipt/receipt.tsx";
import { StallNotice } from "../timeline/stall-notice.tsx";
import { Timeline } from "../timeline/timeline.tsx";

export function DeploymentPage() {
  const { app = "", deployment: id = "" } = useParams({ strict: false });
  return <Deployment key={`${app} ${id}`} app={app} id={id} />;
}

function Deployment({ app, id }: { readonly app: string; readonly id: string }) {
  const { data: deployment, error } = useQuery(deploymentQuery(app, id));
  const { data: found } = useQuery(appQuery(app));
  const streamUrl = found?.links.deployments_stream;
  // The address may contain the app's id.
  const appName = found?.name ?? app;
  const [times, setTimes] = useState(false);
  const isEnded = deployment === undefined ? undefined : deployment.finished_at !== null;
  const { buffer, state } = useLog({
    app,
    id,
    finishedAt: deployment?.finished_at,
    streamUrl,
  });
  useTitle(`${deployment?.git_ref ?? id.slice(0, 8)} of ${appName}`);
  const isFailed =
    deployment !== undefined && isEnded === true && !["success", "aborted"].includes(deployment.status);
  const failureLine = isFailed ? (deployment.failure?.line ?? lastErrorLine(buffer)) : null;
  return (
    <div className="deployment">
      <div className="head">
        <h1>
          <Link to="/apps/$app" params={{ app }}>
            {appName}
          </Link>{" "}
          / {deployment?.git_ref ?? id.slice(0, 8)}
        </h1>
        {deployment === undefined ? null : <Facts deployment={deployment} />}
        <span className="grow" />
        {isEnded === false ? (
          <Action run={() => abort(app, id)} confirm="Abort this deployment?" look="danger">
            Abort
          </Action>
        ) : null}
      </div>
      {error === null ? null : <Problem error={error} />}
      {isEnded === false ? (
        <StallNotice app={app} id={id} lastLineAt={buffer.count === 0 ? null : buffer.time(buffer.count)} />
      ) : null}
      {isFailed ? <Failure deployment={deployment} line={failureLine} /> : null}
      <div className="log-and-timeline">
        <LogView
          app={app}
          id={id}
          buffer={buffer}
          state={state}
          times={times}
          setTimes={setTimes}
          failureLine={failureLine}
        />
        <div className="beside-log">
          <Timeline app={app} id={id} />
          {isEnded === true ? <Receipt app={app} id={id} /> : null}
        </div>
      </div>
    </div>
  );
}

function Facts({ deployment }: { readonly deployment: DeploymentBody }) {
  const { status, created_at: at, pusher, duration, queue, image_size: size } = deployment;
  return (
    <>
      <Status status={status} />
      <span className="facts">
        <Ago at={at} /> by {pusher.username}
        {duration === 0 ? "" : `, took ${durationText(duration * 1000)}`}
        {size === null ? "" : `, image of ${sizeText(size)}`}
        {queue === undefined ? "" : `, ${queueText(queue)}`}
      </span>
    </>
  );
}

function queueText({ position, reason, estimated_seconds: seconds }: QueueBody): string {
  const why = reason === null ? "" : `, waits for ${waitText(reason)}`;
  const starts = seconds === null ? "" : `, starts in about ${durationText(seconds * 1000)}`;
  return `position ${position} in the queue${why}${starts}`;
}

function Failure({
  deployment,
  line,
}: {
  readonly deployment: DeploymentBody;
  readonly line: number | null;
}) {
  const { failure } = deployment;
  return (
    <section className="notice bad failure" aria-label="Failure">
      <strong>{failure?.message ?? "The deployment failed. The end of the log says why."}</strong>
      {failure?.hint == null ? null : <p>{failure.hint}</p>}
      <p className="facts">
        {failure === null ? null : <code>{failure.code}</code>}
        {failure?.phase == null ? null : <> in phase {failure.phase}</>}
        {line === null ? null : (
          <>
            {" "}
            <a href={addressOf(`L${line}`)}>Show line {line}</a>
          </>
        )}
      </p>
    </section>
  );
}

/** The last line that the builder marked as an error; null for none. */
function lastErrorLine(buffer: LogBuffer): number | null {
  const first = Math.max(1, buffer.count - 5_000);
  for (let number = buffer.count; number >= first; number -= 1) {
    if (plainOf(buffer.line(number)).startsWith(" !     ")) return number;
  }
  return null;
}
