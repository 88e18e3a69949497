// Bodies about releases.

import { z } from "zod";

export const releaseBody = z.object({
  id: z.string(),
  app_id: z.string(),
  /** From 1 in its app; what a deployment that goes back to it names. */
  number: z.int(),
  deployment_id: z.string(),
  /** Reference by digest. */
  image: z.string(),
  git_ref: z.string().nullable(),
  created_at: z.string(),
  /** Whether it is the one in service. */
  current: z.boolean(),
});

export const releasesAnswer = z.object({ releases: z.array(releaseBody) });

export type ReleaseBody = z.infer<typeof releaseBody>;
export type ReleasesAnswer = z.infer<typeof releasesAnswer>;
