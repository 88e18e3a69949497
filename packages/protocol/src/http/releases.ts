// Response bodies for releases.

import { z } from "zod";

export const releaseBody = z.object({
  id: z.string(),
  app_id: z.string(),
  /** From 1 within the app. A deployment refers to an earlier release by this number. */
  number: z.int(),
  deployment_id: z.string(),
  /** The image's reference by digest. */
  image: z.string(),
  git_ref: z.string().nullable(),
  created_at: z.string(),
  /** Whether the app runs this release. */
  current: z.boolean(),
});

export const releasesAnswer = z.object({ releases: z.array(releaseBody) });

export type ReleaseBody = z.infer<typeof releaseBody>;
export type ReleasesAnswer = z.infer<typeof releasesAnswer>;
