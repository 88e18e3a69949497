// The quotas of users: the configured ones, and none for operators.

import { noQuotas } from "@slipway/core";
import type { OwnerQuotas, Quotas, Store, Usage, User } from "@slipway/core";
import type { QuotasBody } from "@slipway/protocol";

export interface QuotaContext {
  readonly store: Pick<Store, "users">;
  readonly userQuotas: Quotas;
}

/** The quotas of a user. */
export function quotasOf({ userQuotas }: Pick<QuotaContext, "userQuotas">, user: User): Quotas {
  return user.operator ? noQuotas : userQuotas;
}

/** The quotas that apply to a resource: the quotas of its owner, even when another user makes the request. */
export async function ownerQuotas(context: QuotaContext, ownerId: string): Promise<OwnerQuotas> {
  const owner = await context.store.users.get(ownerId);
  return { ownerId, quotas: owner === null ? context.userQuotas : quotasOf(context, owner) };
}

export function presentQuotas(usage: Usage, quotas: Quotas): QuotasBody {
  return {
    apps: { used: usage.apps, limit: quotas.apps },
    containers: { used: usage.containers, limit: quotas.containers },
    sources: { used: usage.sources, limit: quotas.sources },
    source_bytes: { used: usage.sourceBytes, limit: quotas.sourceBytes },
  };
}
