// Presents users and API tokens, without hashes and secrets.

import type { ApiToken, User } from "@slipway/core";
import type { TokenBody, UserBody } from "@slipway/protocol";

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
