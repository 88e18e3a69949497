// The users of this Slipway.

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { usersQuery } from "../api/queries.ts";
import { useTitle } from "../layout/title.ts";
import { Loaded } from "../parts/loaded.tsx";
import { Pages } from "../parts/pages.tsx";
import { Ago } from "../parts/time.tsx";

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
            <div className="scroller" tabIndex={0} role="region" aria-label="Users">
              <table>
                <thead>
                  <tr>
                    <th scope="col">User</th>
                    <th scope="col">Email</th>
                    <th scope="col">Role</th>
                    <th scope="col">Created</th>
                  </tr>
                </thead>
                <tbody>
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
                </tbody>
              </table>
            </div>
            <Pages pagination={meta.pagination} onPage={setPage} />
          </>
        )}
      </Loaded>
    </>
  );
}
