// Response bodies for sources, the upload and download URLs of archives.

import { z } from "zod";

export const sourceAnswer = z.object({
  source: z.object({ upload_url: z.string(), download_url: z.string() }),
});

export const uploadedAnswer = z.object({});

export type SourceAnswer = z.infer<typeof sourceAnswer>;
