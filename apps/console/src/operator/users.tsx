// The users of this installation.

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { usersQuery } from "../api/queries.ts";
import { useTitle } from "../layout/title.ts";
import { Loaded } from "../parts/loaded.tsx";
import { Pages } from "../parts/pages.tsx";
import { Ago } from "../parts/time.tsx";
import { Table } from "../parts/table.tsx";

export function UsersPage() {
  useTitle("Users");
  const [page, setPage] = useState(1);
  return (
    <>
      <h1>Users</h1>
      <p className="hint">
        Create users with <code>npm run user -- create USERNAME --email EMAIL</code>.
      </p>
      <Loaded query={useQuery(usersQuery(page))}>
        {({ users, meta }) => (
          <>
            <Table label="Users" columns={["User", "Email", "Role", "Created"]}>
              {users.map(({ id, username, email, operator, created_at: at }) => (
                <tr key={id}>
                  <th scope="row">{username}</th>
                  <td>{email}</td>
                  <td>{operator ? "operator" : "user"}</td>
                  <td>
                    <Ago at={at} />
                  </td>
                </tr>
              ))}
            </Table>
            <Pages pagination={meta.pagination} onPage={setPage} />
          </>
        )}
      </Loaded>
    </>
  );
}
