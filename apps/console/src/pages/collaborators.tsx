// The users who may work on an app besides its owner.

import { useQuery } from "@tanstack/react-query";
import { addCollaborator, removeCollaborator } from "../api/actions.ts";
import { collaboratorsQuery } from "../api/queries.ts";
import { useTitle } from "../layout/title.ts";
import { Remove } from "../parts/action.tsx";
import { FieldForm } from "../parts/field-form.tsx";
import { Loaded } from "../parts/loaded.tsx";
import { useApp } from "./app.tsx";

export function CollaboratorsPage() {
  const app = useApp();
  useTitle("Collaborators", app);
  return (
    <>
      <FieldForm
        label="Add a collaborator"
        submit="Add"
        run={(field) => addCollaborator(app, field("email").trim(), field("limited") === "on")}
      >
        <input name="email" type="email" aria-label="Email" placeholder="email@example.com" required />
        <label>
          <input name="limited" type="checkbox" /> Limited: reads and restarts, does not deploy
        </label>
      </FieldForm>
      <Loaded query={useQuery(collaboratorsQuery(app))}>
        {(collaborators) =>
          collaborators.length === 0 ? (
            <p className="empty">No collaborators. Add a user of this Slipway by email.</p>
          ) : (
            <ul className="rows" aria-label="Collaborators">
              {collaborators.map(({ id, username, email, is_limited: isLimited }) => (
                <li key={id}>
                  <strong className="name">{username}</strong>
                  <span className="grow">{email}</span>
                  <span>{isLimited ? "limited" : "full"}</span>
                  <Remove name={username} run={() => removeCollaborator(app, id)} />
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </>
  );
}
