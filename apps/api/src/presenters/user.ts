// Users, their tokens and an app's collaborators as the API shows them: never a hash, never a secret.

import type { ApiToken, Collaborator, User } from "@slipway/core";
import type { CollaboratorBody, TokenBody, UserBody } from "@slipway/protocol";

export function presentUser({ id, username, email, fullname, operator, createdAt }: User): UserBody {
  return { id, username, email, fullname, operator, created_at: createdAt.toISOString() };
}

export function presentToken({ id, name, createdAt, lastUsedAt }: ApiToken): TokenBody {
  const madeAt = createdAt.toISOString();
  return {
    id,
    name,
    created_at: madeAt,
    issued_at: madeAt,
    last_used_at: lastUsedAt?.toISOString() ?? null,
  };
}

/** @param user null when the account is gone. */
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
