// Presents users, API tokens and collaborators, without hashes and secrets.

import type { ApiToken, Collaborator, User } from "@slipway/core";
import type { CollaboratorBody, TokenBody, UserBody } from "@slipway/protocol";

export function presentUser({ id, username, email, fullname, operator, createdAt }: User): UserBody {
  return { id, username, email, fullname, operator, created_at: createdAt.toISOString() };
}

export function presentToken({ id, name, createdAt, lastUsedAt }: ApiToken): TokenBody {
  const issuedAt = createdAt.toISOString();
  return {
    id,
    name,
    created_at: issuedAt,
    issued_at: issuedAt,
    last_used_at: lastUsedAt?.toISOString() ?? null,
  };
}

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
