// The failed deployments of all apps, newest first.

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { failuresQuery } from "../api/queries.ts";
import { useTitle } from "../layout/title.ts";
import { Loaded } from "../parts/loaded.tsx";
import { Pages } from "../parts/pages.tsx";
import { Status } from "../parts/status.tsx";
import { Ago } from "../parts/time.tsx";
import { Table } from "../parts/table.tsx";

export function FailuresPage() {
  useTitle("Failures");
  const [page, setPage] = useState(1);
  return (
    <>
      <h1>Failures</h1>
      <Loaded query={useQuery(failuresQuery(page))}>
        {(answer) =>
          answer === null ? (
            <p className="empty">This API does not list deployments over all apps. Update Slipway.</p>
          ) : answer.deployments.length === 0 ? (
            <p className="empty">No failed deployment.</p>
          ) : (
            <>
              <Table label="Failed deployments" columns={["App", "Status", "Reason", "Owner", "When"]}>
                {answer.deployments.map(({ id, app_name: app, status, failure, owner, created_at: at }) => (
                  <tr key={id}>
                    <th scope="row">
                      {app === null ? (
                        "deleted"
                      ) : (
                        <Link to="/apps/$app/deployments/$deployment" params={{ app, deployment: id }}>
                          {app}
                        </Link>
                      )}
                    </th>
                    <td>
                      <Status status={status} />
                    </td>
                    <td>{failure?.message ?? ""}</td>
                    <td>{owner}</td>
                    <td>
                      <Ago at={at} />
                    </td>
                  </tr>
                ))}
              </Table>
              <Pages pagination={answer.meta.pagination} onPage={setPage} />
            </>
          )
        }
      </Loaded>
    </>
  );
}
