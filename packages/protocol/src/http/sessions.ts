// Response bodies for sessions of the web console.

import { z } from "zod";
import { userReference } from "./users.ts";

export const sessionAnswer = z.object({
  session: z.object({ user: userReference.extend({ fullname: z.string() }), operator: z.boolean() }),
});

export type SessionAnswer = z.infer<typeof sessionAnswer>;
