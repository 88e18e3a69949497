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

/** The button that drains a worker. */
function Drain({ worker: { id, name, state } }: { readonly worker: WorkerBody }) {
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
  const { engine } = worker;
  return (
    <li className="card">
      <h2>
        {worker.name} <Status status={worker.state} />
      </h2>
      <Slots worker={worker} />
      <p className="facts">
        {worker.host}, process {worker.pid}, version {worker.version}; engine {engine.address}, {engine.cpus}{" "}
        CPUs, {sizeText(engine.memory_bytes)}; seen <Ago at={worker.last_seen_at} />
      </p>
      <Work worker={worker} />
    </li>
  );
}

/** The build slots in use, and the button that drains. The slots of a lost worker are unknown, and it reads no requests. */
function Slots({ worker }: { readonly worker: WorkerBody }) {
  const { name, state, concurrency, building } = worker;
  if (state === "lost") return null;
  return (
    <p>
      {building} of {concurrency} build slots used{" "}
      <meter min={0} max={concurrency} value={building} aria-label={`Build slots used by ${name}`} />{" "}
      <Drain worker={worker} />
    </p>
  );
}

/** The present work of a worker; of a lost one, the work of its last heartbeat, which another worker may have taken over. */
function Work({ worker }: { readonly worker: WorkerBody }) {
  const { state, deployments, operations } = worker;
  const isLost = state === "lost";
  return (
    <>
      {isLost && deployments.length + operations.length > 0 && <p>When last seen it worked on:</p>}
      <ul>
        {deployments.map(({ id, app_name: app, since }) => (
          <li key={id}>
            {app === null ? (
              id
            ) : (
              <Link to="/apps/$app/deployments/$deployment" params={{ app, deployment: id }}>
                Deployment of {app}
              </Link>
            )}
            {!isLost && <Since since={since} />}
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
            )}
            {!isLost && <Since since={since} />}
          </li>
        ))}
      </ul>
    </>
  );
}

function Since({ since }: { readonly since: string }) {
  return (
    <>
      {" "}
      for <Elapsed since={since} />
    </>
  );
}
