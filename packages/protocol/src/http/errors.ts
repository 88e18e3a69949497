// Error bodies of the API, by status.

import { z } from "zod";

/** 400, 401, 409, 413, 415, 500 and 503. */
export const errorBody = z.object({ error: z.string() });

/** 403: the caller lacks the permission. */
export const forbiddenBody = z.object({ error: z.string(), code: z.string() });

/** 404: `resource` is the kind of resource that does not exist. */
export const notFoundBody = z.object({ resource: z.string(), error: z.string() });

/** 422: the problems of each field. */
export const invalidBody = z.object({
  errors: z.record(z.string(), z.array(z.string())),
  error: z.string(),
});

export type ErrorBody = z.infer<typeof errorBody>;
export type ForbiddenBody = z.infer<typeof forbiddenBody>;
export type NotFoundBody = z.infer<typeof notFoundBody>;
export type InvalidBody = z.infer<typeof invalidBody>;
