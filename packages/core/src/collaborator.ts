// Collaborators: users who may use an app that is somebody else's.

/** What of the app a collaborator may use; packages/auth says what that is. */
export type CollaboratorRole = "collaborator" | "limited";

export interface Collaborator {
  readonly id: string;
  readonly appId: string;
  readonly userId: string;
  readonly role: CollaboratorRole;
  readonly createdAt: Date;
}

/** Most collaborators of one app. */
export const maxCollaborators = 100;
