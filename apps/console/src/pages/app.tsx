// One app: its head with state and actions, and the tabs of its pages.

import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useParams } from "@tanstack/react-router";
import { restart } from "../api/actions.ts";
import { appQuery } from "../api/queries.ts";
import { Action } from "../parts/action.tsx";
import { Loaded } from "../parts/loaded.tsx";
import { Status } from "../parts/status.tsx";

const tabs = [
  ["/apps/$app", "Deployments"],
  ["/apps/$app/containers", "Containers"],
  ["/apps/$app/variables", "Variables"],
  ["/apps/$app/collaborators", "Collaborators"],
  ["/apps/$app/notifiers", "Notifiers"],
  ["/apps/$app/settings", "Settings"],
] as const;

/** The app that the URL names. */
export function useApp(): string {
  return useParams({ strict: false }).app ?? "";
}

export function AppLayout() {
  const name = useApp();
  return (
    <Loaded query={useQuery(appQuery(name))}>
      {(app) => (
        <>
          <div className="head">
            <h1>{app.name}</h1>
            <Status status={app.status} />
            <a href={app.url} rel="noreferrer" target="_blank">
              {app.url.replace(/^https?:\/\//, "")} <span aria-hidden="true">↗</span>
            </a>
            <small title="Builder and stack">
              {app.builder}, {app.stack_id}
            </small>
            <span className="grow" />
            {app.status === "new" ? null : <Action run={() => restart(name)}>Restart</Action>}
          </div>
          <nav className="tabs" aria-label={`Pages of ${app.name}`}>
            {tabs.map(([to, title]) => (
              <Link key={to} to={to} params={{ app: name }} activeOptions={{ exact: true }}>
                {title}
              </Link>
            ))}
          </nav>
          {/* Input and actions on one app's page do not carry over to the next app's page. */}
          <Outlet key={name} />
        </>
      )}
    </Loaded>
  );
}
