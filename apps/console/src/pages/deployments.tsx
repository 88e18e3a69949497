// An app's deployments with their durations as bars, the panel that deploys, and the releases for a rollback.

import { durationText } from "@slipway/protocol/presentation";
import type { DeploymentBody } from "@slipway/protocol";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { abort, deployRelease } from "../api/actions.ts";
import { deploymentsQuery, releasesQuery } from "../api/queries.ts";
import { DeployPanel } from "../deploy/deploy-panel.tsx";
import { useTitle } from "../layout/title.ts";
import { Action } from "../parts/action.tsx";
import { Loaded } from "../parts/loaded.tsx";
import { Pages } from "../parts/pages.tsx";
import { Status } from "../parts/status.tsx";
import { Ago, Elapsed } from "../parts/time.tsx";
import { useApp } from "./app.tsx";
import { Table } from "../parts/table.tsx";

export function DeploymentsPage() {
  const app = useApp();
  useTitle(app);
  const [page, setPage] = useState(1);
  const releases = useQuery(releasesQuery(app)).data ?? [];
  const releaseOf = new Map(releases.map((release) => [release.deployment_id, release]));
  return (
    <>
      <DeployPanel app={app} />
      <Loaded query={useQuery(deploymentsQuery(app, page))}>
        {({ deployments, meta }) =>
          deployments.length === 0 ? (
            <div className="empty">
              <h2>No deployments yet</h2>
              <p>
                Drop the app&apos;s folder above, or a <code>.tar.gz</code> of it. It needs what its
                language&apos;s tools look for, such as a <code>package.json</code>, and listens on{" "}
                <code>PORT</code>.
              </p>
            </div>
          ) : (
            <>
              <Table
                label="Deployments"
                columns={["Deployment", "Status", "When", "By", "Duration", "Actions"]}
              >
                {deployments.map((deployment) => (
                  <Row
                    key={deployment.id}
                    app={app}
                    deployment={deployment}
                    longest={Math.max(1, ...deployments.map(({ duration }) => duration))}
                    release={releaseOf.get(deployment.id)}
                  />
                ))}
              </Table>
              <Pages pagination={meta.pagination} onPage={setPage} />
            </>
          )
        }
      </Loaded>
    </>
  );
}

interface RowProps {
  readonly app: string;
  readonly deployment: DeploymentBody;
  /** Seconds of the longest deployment in the list. */
  readonly longest: number;
  readonly release: { readonly number: number; readonly current: boolean } | undefined;
}

function Row({ app, deployment, longest, release }: RowProps) {
  const { id, git_ref: ref, status, failure, duration } = deployment;
  const isEnded = deployment.finished_at !== null;
  return (
    <tr>
      <th scope="row">
        <Link to="/apps/$app/deployments/$deployment" params={{ app, deployment: id }}>
          {ref ?? id.slice(0, 8)}
        </Link>
        {failure?.message == null ? null : <div className="why">{failure.message}</div>}
      </th>
      <td>
        <Status status={status} />
      </td>
      <td>
        <Ago at={deployment.created_at} />
      </td>
      <td>{deployment.pusher.username}</td>
      <td>
        {isEnded ? (
          <span className="duration">
            <span
              className={`bar-of ${status === "success" ? "good" : "bad"}`}
              style={{ width: `${(duration / longest) * 6}rem` }}
            />
            {durationText(duration * 1000)}
          </span>
        ) : (
          <Elapsed since={deployment.created_at} />
        )}
      </td>
      <td>
        {isEnded ? null : (
          <Action
            run={() => abort(app, id)}
            confirm="Abort this deployment?"
            look="danger"
            label={`Abort ${ref ?? id}`}
          >
            Abort
          </Action>
        )}
        {release === undefined ? null : (
          <Action
            run={() => deployRelease(app, release.number)}
            confirm={release.current ? "Deploy this release again?" : "Roll back to this release?"}
          >
            {release.current ? "Redeploy" : "Roll back"}
          </Action>
        )}
      </td>
    </tr>
  );
}
