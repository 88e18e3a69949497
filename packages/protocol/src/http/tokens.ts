// Request and response bodies for API tokens.

import { z } from "zod";

export const exchangeAnswer = z.object({ token: z.string() });

/** The name is a field of `token`; the JavaScript client sends it at the top level. */
export const createTokenRequest = z
  .object({ token: z.object({ name: z.string() }).optional(), name: z.string().optional() })
  .refine(({ token, name }) => token !== undefined || name !== undefined, {
    path: ["token", "name"],
    error: "is required",
  })
  .meta({ examples: [{ token: { name: "laptop" } }] });

export const tokenBody = z.object({
  id: z.string(),
  name: z.string(),
  created_at: z.string(),
  /** When the secret was issued, which is the token's creation time. */
  issued_at: z.string(),
  last_used_at: z.string().nullable(),
});
/** The only response that contains the secret. */
export const newTokenAnswer = z.object({ token: tokenBody.extend({ token: z.string() }) });
export const tokensAnswer = z.object({ tokens: z.array(tokenBody) });

export type TokenBody = z.infer<typeof tokenBody>;
