// Request and response bodies for an app's collaborators.

import { z } from "zod";

export const addCollaboratorRequest = z
  .object({
    collaborator: z.object({ email: z.string(), is_limited: z.boolean().default(false) }),
  })
  .meta({ examples: [{ collaborator: { email: "grace@example.com", is_limited: true } }] });
export const changeCollaboratorRequest = z
  .object({ collaborator: z.object({ is_limited: z.boolean() }) })
  .meta({ examples: [{ collaborator: { is_limited: false } }] });

export const collaboratorBody = z.object({
  id: z.string(),
  app_id: z.string(),
  user_id: z.string(),
  username: z.string(),
  email: z.string(),
  /** There are no invitations: a new collaborator counts as accepted. */
  status: z.enum(["accepted", "user account deleted"]),
  is_limited: z.boolean(),
});
export const collaboratorAnswer = z.object({ collaborator: collaboratorBody });
/** Scalingo's clients expect an invitation link. It is empty, because there are no invitations. */
export const addedCollaboratorAnswer = z.object({
  collaborator: collaboratorBody.extend({ invitation_link: z.string() }),
});
export const collaboratorsAnswer = z.object({ collaborators: z.array(collaboratorBody) });

export type CollaboratorBody = z.infer<typeof collaboratorBody>;
