// An app's containers: the running ones, and their desired number.

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { scale } from "../api/actions.ts";
import { containersQuery, scaleQuery } from "../api/queries.ts";
import { useTitle } from "../layout/title.ts";
import { Action } from "../parts/action.tsx";
import { Loaded } from "../parts/loaded.tsx";
import { Status } from "../parts/status.tsx";
import { Ago } from "../parts/time.tsx";
import { useApp } from "./app.tsx";
import { Table } from "../parts/table.tsx";

export function ContainersPage() {
  const app = useApp();
  useTitle("Containers", app);
  return (
    <>
      <Loaded query={useQuery(scaleQuery(app))}>
        {(types) => (
          <>
            {types.map(({ name, amount }) => (
              <Scale key={`${name} ${amount}`} app={app} name={name} amount={amount} />
            ))}
          </>
        )}
      </Loaded>
      <Loaded query={useQuery(containersQuery(app))}>
        {(containers) =>
          containers.length === 0 ? (
            <p className="empty">Nothing runs. Containers start with the first successful deployment.</p>
          ) : (
            <Table label="Containers" columns={["Container", "State", "Started", "Command"]}>
              {containers.map((container) => (
                <tr key={container.id}>
                  <th scope="row">{container.label}</th>
                  <td>
                    <Status status={container.state} />
                    {container.restart_reason === null ? null : (
                      <div className="why">{container.restart_reason}</div>
                    )}
                  </td>
                  <td>
                    <Ago at={container.created_at} />
                  </td>
                  <td>
                    <code>{container.command}</code>
                  </td>
                </tr>
              ))}
            </Table>
          )
        }
      </Loaded>
    </>
  );
}

interface ScaleProps {
  readonly app: string;
  readonly name: string;
  readonly amount: number;
}

function Scale({ app, name, amount }: ScaleProps) {
  const [wanted, setWanted] = useState(amount);
  return (
    <div className="inline">
      <label>
        Containers of <strong>{name}</strong>{" "}
        <input
          type="number"
          min={0}
          max={1000}
          value={wanted}
          onChange={({ target }) => setWanted(target.valueAsNumber || 0)}
        />
      </label>
      <Action run={() => scale(app, name, wanted)} look="primary">
        Scale
      </Action>
    </div>
  );
}
