// Bodies about users, their tokens and the regions their clients may choose from.

import { z } from "zod";

/** A user as other documents embed one. */
export const userReference = z.object({ id: z.string(), username: z.string(), email: z.string() });

export const tokenAnswer = z.object({ token: z.string() });

export const selfAnswer = z.object({
  user: userReference.extend({ fullname: z.string(), flags: z.record(z.string(), z.boolean()) }),
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

export type TokenAnswer = z.infer<typeof tokenAnswer>;
export type SelfAnswer = z.infer<typeof selfAnswer>;
export type RegionsAnswer = z.infer<typeof regionsAnswer>;
