// Bodies of the API's errors, by status.

import { z } from "zod";

/** 400, 401, 409, 413, 415, 500 and 503. */
export const errorBody = z.object({ error: z.string() });

/** 403: the caller is known, or needs no name, and may not. */
export const forbiddenBody = z.object({ error: z.string(), code: z.string() });

/** 404: which kind of thing there is none of. */
export const notFoundBody = z.object({ resource: z.string(), error: z.string() });

/** 422: what is wrong with which field. */
export const invalidBody = z.object({
  errors: z.record(z.string(), z.array(z.string())),
  error: z.string(),
});

export type ErrorBody = z.infer<typeof errorBody>;
export type ForbiddenBody = z.infer<typeof forbiddenBody>;
export type NotFoundBody = z.infer<typeof notFoundBody>;
export type InvalidBody = z.infer<typeof invalidBody>;
