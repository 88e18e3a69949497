// The fleet: workers, their engines and slots, and the work of each.

import type { WorkerBody } from "@slipway/protocol";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { setDraining } from "../api/actions.ts";
import { workersQuery } from "../api/queries.ts";
import { useTitle } from "../layout/title.ts";
import { Action } from "../parts/action.tsx";
import { Loaded } from "../parts/loaded.tsx";
import { Status } from "../parts/status.tsx";
import { Ago, Elapsed, sizeText } from "../parts/time.tsx";

export function WorkersPage() {
  useTitle("Workers");
  return (
    <>
      <h1>Workers</h1>
      <Loaded query={useQuery(workersQuery)}>
        {(workers) =>
          workers.length === 0 ? (
            <p className="empty">No worker runs, so deployments wait. Start one: see docs/operations.md.</p>
          ) : (
            <ul className="cards">
              {workers.map((worker) => (
                <Worker key={worker.id} worker={worker} />
              ))}
            </ul>
          )
        }
      </Loaded>
    </>
  );
}

/** The button that drains a worker. A lost worker has no button, because it reads no requests. */
function Drain({ worker: { id, name, state } }: { readonly worker: WorkerBody }) {
  if (state === "lost") return null;
  const isDraining = state === "draining";
  return (
    <Action
      run={() => setDraining(id, !isDraining)}
      label={isDraining ? `Let ${name} take work again` : `Drain ${name}`}
    >
      {isDraining ? "Resume" : "Drain"}
    </Action>
  );
}

function Worker({ worker }: { readonly worker: WorkerBody }) {
  const { engine, deployments, operations, concurrency, building } = worker;
  return (
    <li className="card">
      <h2>
        {worker.name} <Status status={worker.state} />
      </h2>
      <p>
        {building} of {concurrency} build slots used{" "}
        <meter min={0} max={concurrency} value={building} aria-label={`Build slots used by ${worker.name}`} />{" "}
        <Drain worker={worker} />
      </p>
      <p className="facts">
        {worker.host}, process {worker.pid}, version {worker.version}; engine {engine.address}, {engine.cpus}{" "}
        CPUs, {sizeText(engine.memory_bytes)}; seen <Ago at={worker.last_seen_at} />
      </p>
      <ul>
        {deployments.map(({ id, app_name: app, since }) => (
          <li key={id}>
            {app === null ? (
              id
            ) : (
              <Link to="/apps/$app/deployments/$deployment" params={{ app, deployment: id }}>
                Deployment of {app}
              </Link>
            )}{" "}
            for <Elapsed since={since} />
          </li>
        ))}
        {operations.map(({ id, app_name: app, since }) => (
          <li key={id}>
            {app === null ? (
              id
            ) : (
              <Link to="/apps/$app" params={{ app }}>
                Operation of {app}
              </Link>
            )}{" "}
            for <Elapsed since={since} />
          </li>
        ))}
      </ul>
    </li>
  );
}
