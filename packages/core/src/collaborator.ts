// Collaborators: users with access to an app that another user owns.

/** packages/auth defines the permissions of each role. */
export type CollaboratorRole = "collaborator" | "limited";

export interface Collaborator {
  readonly id: string;
  readonly appId: string;
  readonly userId: string;
  readonly role: CollaboratorRole;
  readonly createdAt: Date;
}

/** Maximum number of collaborators per app. */
export const maxCollaborators = 100;
