// The apps of the user, page by page, with state, address and last deployment; and the form that creates an app.

import type { AppBody } from "@slipway/protocol";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { createApp } from "../api/actions.ts";
import { messageFor } from "../api/client.ts";
import { appListKey, appsQuery } from "../api/queries.ts";
import { useTitle } from "../layout/title.ts";
import { formText } from "../parts/form-text.ts";
import { Loaded } from "../parts/loaded.tsx";
import { Pages } from "../parts/pages.tsx";
import { useSettled } from "../parts/settled.ts";
import { Status } from "../parts/status.tsx";
import { Ago, Elapsed } from "../parts/time.tsx";
import { Table } from "../parts/table.tsx";

export function AppsPage() {
  useTitle("Apps");
  const [filter, setFilter] = useState("");
  const [page, setPage] = useState(1);
  const name = useSettled(filter.trim().toLowerCase());
  return (
    <>
      <div className="head">
        <h1>Apps</h1>
        <input
          type="search"
          aria-label="Filter apps"
          placeholder="Filter"
          value={filter}
          onChange={({ target }) => {
            setFilter(target.value);
            setPage(1);
          }}
        />
        <span className="grow" />
        <NewApp />
      </div>
      <Loaded query={useQuery(appsQuery(page, name))}>
        {({ apps, meta: { pagination } }) =>
          pagination.total_count === 0 && name === "" ? (
            <div className="empty">
              <h2>No apps yet</h2>
              <p>
                An app has a name, an address and deployments. Create one above, then drop its folder on its
                page.
              </p>
            </div>
          ) : (
            <>
              <AppTable apps={apps} />
              <Pages
                labels={{ previous: "Previous", next: "Next" }}
                pagination={pagination}
                onPage={setPage}
              />
            </>
          )
        }
      </Loaded>
    </>
  );
}

function AppTable({ apps }: { readonly apps: readonly AppBody[] }) {
  return (
    <Table label="Apps" columns={["App", "State", "Last deployment", "Address", "Owner"]}>
      {apps.map((app) => (
        <tr key={app.id}>
          <th scope="row">
            <Link to="/apps/$app" params={{ app: app.name }}>
              {app.name}
            </Link>
          </th>
          <td>
            <Status status={app.status} />
          </td>
          <td>
            <LastDeployment app={app} />
          </td>
          <td>
            <a href={app.url} rel="noreferrer" target="_blank">
              {app.url.replace(/^https?:\/\//, "")} <span aria-hidden="true">↗</span>
            </a>
          </td>
          <td>{app.owner.username}</td>
        </tr>
      ))}
    </Table>
  );
}

function LastDeployment({ app: { name: app, last_deployment: last } }: { readonly app: AppBody }) {
  if (last === null) return <>none</>;
  return (
    <>
      <Link to="/apps/$app/deployments/$deployment" params={{ app, deployment: last.id }}>
        <Status status={last.status} />
      </Link>{" "}
      <span className="facts">
        {last.git_ref === null ? null : `${last.git_ref}, `}
        {last.finished_at === null ? (
          <>
            for <Elapsed since={last.created_at} />
          </>
        ) : (
          <Ago at={last.finished_at} />
        )}
      </span>
    </>
  );
}

function NewApp() {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const creation = useMutation({
    mutationFn: createApp,
    onSuccess: () => queries.invalidateQueries({ queryKey: appListKey }),
  });
  return (
    <form
      className="inline"
      onSubmit={(event) => {
        event.preventDefault();
        // This callback is not called after the user has left the page.
        const onSuccess = ({ name: app }: AppBody) => void navigate({ to: "/apps/$app", params: { app } });
        creation.mutate(formText(event.currentTarget, "name"), { onSuccess });
      }}
    >
      <input name="name" aria-label="Name of the new app" placeholder="name-of-the-app" required />
      <button type="submit" className="primary" disabled={creation.isPending}>
        Create app
      </button>
      {creation.error === null ? null : (
        <span className="error" role="alert">
          {messageFor(creation.error)}
        </span>
      )}
    </form>
  );
}
