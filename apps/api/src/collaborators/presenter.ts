// Presents collaborators.

import type { Collaborator, User } from "@slipway/core";
import type { CollaboratorBody } from "@slipway/protocol";

/** @param user null if the account was deleted. */
export function presentCollaborator(collaborator: Collaborator, user: User | null): CollaboratorBody {
  return {
    id: collaborator.id,
    app_id: collaborator.appId,
    user_id: collaborator.userId,
    username: user?.username ?? "",
    email: user?.email ?? "",
    status: user === null ? "user account deleted" : "accepted",
    is_limited: collaborator.role === "limited",
  };
}
