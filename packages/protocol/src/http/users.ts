// Request and response bodies for users, and for the regions of their clients.

import { z } from "zod";
import { paginationBody } from "./pagination.ts";

/** A user as embedded in other bodies. */
export const userReference = z.object({ id: z.string(), username: z.string(), email: z.string() });

/** A user in responses to operators. */
export const userBody = userReference.extend({
  fullname: z.string(),
  operator: z.boolean(),
  created_at: z.string(),
});
export const userAnswer = z.object({ user: userBody });
export const usersAnswer = z.object({
  users: z.array(userBody),
  meta: z.object({ pagination: paginationBody }),
});

export const createUserRequest = z
  .object({
    user: z.object({
      username: z.string(),
      email: z.string(),
      fullname: z.string().default(""),
      operator: z.boolean().default(false),
      /** Without a password the user cannot log in, and needs an API token. */
      password: z.string().nullish(),
    }),
  })
  .meta({ examples: [{ user: { username: "ada", email: "ada@example.com", fullname: "Ada Lovelace" } }] });
export const changeUserRequest = z
  .object({
    user: z.object({
      email: z.string().optional(),
      fullname: z.string().optional(),
      operator: z.boolean().optional(),
      password: z.string().optional(),
    }),
  })
  .meta({ examples: [{ user: { fullname: "Grace Hopper", operator: true } }] });
/** A new password requires the current one, if the user has one. */
export const changeSelfRequest = z
  .object({
    user: z.object({
      fullname: z.string().optional(),
      password: z.string().optional(),
      current_password: z.string().optional(),
    }),
  })
  .meta({ examples: [{ user: { fullname: "Grace Hopper" } }] });

/** The user's current usage, and its limit; null for no limit. */
const quotaBody = z.object({ used: z.number(), limit: z.number().nullable() });
const quotasBody = z.object({
  apps: quotaBody,
  containers: quotaBody,
  sources: quotaBody,
  source_bytes: quotaBody,
});

export const selfAnswer = z.object({
  user: userReference.extend({
    fullname: z.string(),
    flags: z.record(z.string(), z.boolean()),
    quotas: quotasBody,
  }),
});

export const regionBody = z.object({
  name: z.string(),
  display_name: z.string(),
  api: z.string(),
  database_api: z.string(),
  dashboard: z.string(),
  /** host:port */
  ssh: z.string(),
  default: z.boolean(),
});

export const regionsAnswer = z.object({ regions: z.array(regionBody) });

export type QuotasBody = z.infer<typeof quotasBody>;
export type SelfAnswer = z.infer<typeof selfAnswer>;
export type RegionsAnswer = z.infer<typeof regionsAnswer>;
export type UserBody = z.infer<typeof userBody>;
