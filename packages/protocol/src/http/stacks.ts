// Response bodies for stacks.

import { z } from "zod";

export const stacksAnswer = z.object({
  stacks: z.array(
    z.object({
      id: z.string(),
      created_at: z.string(),
      name: z.string(),
      description: z.string(),
      /** Image that releases run on. */
      base_image: z.string(),
      /** Whether this is the stack of apps without a chosen stack. */
      default: z.boolean(),
      deprecated_at: z.null(),
    }),
  ),
});

export type StacksAnswer = z.infer<typeof stacksAnswer>;
