// The queue: the waiting deployments, their reasons and their waiting times.

import { durationText, waitText } from "@slipway/protocol/presentation";
import type { QueueAnswer } from "@slipway/protocol";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { queueQuery } from "../api/queries.ts";
import { useTitle } from "../layout/title.ts";
import { Loaded } from "../parts/loaded.tsx";
import { Ago } from "../parts/time.tsx";
import { Table } from "../parts/table.tsx";
import { QueueHistory } from "./queue-history.tsx";

export function QueuePage() {
  useTitle("Queue");
  return (
    <>
      <div className="head">
        <h1>Queue</h1>
        <span className="grow" />
        <a href="queues">
          Jobs in the queue dashboard <span aria-hidden="true">↗</span>
        </a>
      </div>
      <Loaded query={useQuery(queueQuery)}>
        {(answer) =>
          answer === null ? (
            <p className="empty">
              This API does not report its queue. Update Slipway, or use the queue dashboard.
            </p>
          ) : (
            <Queue queue={answer.queue} />
          )
        }
      </Loaded>
      <QueueHistory />
    </>
  );
}

function Queue({ queue }: QueueAnswer) {
  const { waiting, running, slots, seconds_of_work: work, oldest_waiting_at: oldest } = queue;
  return (
    <>
      {queue.paused ? (
        <p className="notice warn">
          The queue is paused: workers take no deployments until an operator resumes it.
        </p>
      ) : null}
      <dl className="figures">
        <div>
          <dt>Waiting</dt>
          <dd>{waiting}</dd>
        </div>
        <div>
          <dt>Running</dt>
          <dd>
            <Link to="/operator/workers" title="What each worker does">
              {running}
            </Link>
          </dd>
        </div>
        <div>
          <dt>Slots used</dt>
          <dd>
            {slots.used} of {slots.total}
          </dd>
        </div>
        <div>
          <dt>Oldest waits</dt>
          <dd>{oldest === null ? "–" : <Ago at={oldest} />}</dd>
        </div>
        <div>
          <dt>Queued work</dt>
          <dd>{work === null ? "–" : durationText(work * 1000)}</dd>
        </div>
      </dl>
      {queue.deployments.length === 0 ? (
        <p className="empty">Nothing waits.</p>
      ) : (
        <Table
          label="Waiting deployments"
          columns={["App", "Owner", "Position", "Waits for", "Since", "Starts in"]}
        >
          {queue.deployments.map(
            ({ app_name: app, deployment_id: id, owner, position, reason, ...times }) => (
              <tr key={id}>
                <th scope="row">
                  {app === null ? (
                    id
                  ) : (
                    <Link to="/apps/$app/deployments/$deployment" params={{ app, deployment: id }}>
                      {app}
                    </Link>
                  )}
                </th>
                <td>{owner}</td>
                <td>{position}</td>
                <td>{waitText(reason)}</td>
                <td>
                  <Ago at={times.waiting_since} />
                </td>
                <td>
                  {times.estimated_seconds === null ? "–" : durationText(times.estimated_seconds * 1000)}
                </td>
              </tr>
            ),
          )}
        </Table>
      )}
    </>
  );
}
