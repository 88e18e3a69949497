// /v1/apps/:app/collaborators: other users who may use the app.

import { randomUUID } from "node:crypto";
import { SlipwayError, invalidField, maxCollaborators, notFound } from "@slipway/core";
import type { App, Collaborator, CollaboratorRole, Store, User } from "@slipway/core";
import {
  addCollaboratorRequest,
  addedCollaboratorAnswer,
  changeCollaboratorRequest,
  collaboratorAnswer,
  collaboratorsAnswer,
} from "@slipway/protocol";
import type { Platform } from "../platform.ts";
import { presentCollaborator } from "../presenters/user.ts";
import { route } from "../route.ts";
import type { Route } from "../route.ts";

export function collaboratorRoutes({ store, now }: Platform): Route[] {
  const { collaborators, users } = store;
  const present = async (collaborator: Collaborator) =>
    presentCollaborator(collaborator, await users.get(collaborator.userId));
  return [
    route({
      method: "get",
      path: "/apps/:app/collaborators",
      summary: "List an app's collaborators, oldest first",
      access: "collaborators:read",
      answer: { status: 200, json: collaboratorsAnswer },
      async handle({ app }) {
        return { collaborators: await Promise.all((await collaborators.ofApp(app.id)).map(present)) };
      },
    }),
    route({
      method: "post",
      path: "/apps/:app/collaborators",
      summary: "Let a user of this installation use the app, from now on",
      access: "collaborators:write",
      body: addCollaboratorRequest,
      answer: { status: 201, json: addedCollaboratorAnswer },
      problems: [409],
      async handle({ app, body: { collaborator: asked } }) {
        const user = await invited(store, app, asked.email);
        const added = {
          id: randomUUID(),
          appId: app.id,
          userId: user.id,
          role: roleOf(asked.is_limited),
          createdAt: now(),
        };
        await collaborators.create(added);
        await unlessGoneMeanwhile(store, added);
        return { collaborator: { ...presentCollaborator(added, user), invitation_link: "" } };
      },
    }),
    route({
      method: "patch",
      path: "/apps/:app/collaborators/:collaborator",
      summary: "Make a collaborator a limited one, or not",
      access: "collaborators:write",
      body: changeCollaboratorRequest,
      answer: { status: 200, json: collaboratorAnswer },
      async handle({ app, params, body }) {
        const role = roleOf(body.collaborator.is_limited);
        const known = await collaborators.get(app.id, params.collaborator);
        if (known === null || !(await collaborators.setRole(app.id, known.id, role))) {
          throw notFound("collaborator");
        }
        return { collaborator: await present({ ...known, role }) };
      },
    }),
    route({
      method: "delete",
      path: "/apps/:app/collaborators/:collaborator",
      summary: "End a collaboration",
      access: "collaborators:write",
      answer: { status: 204 },
      async handle({ app, params }) {
        if (!(await collaborators.delete(app.id, params.collaborator))) throw notFound("collaborator");
      },
    }),
  ];
}

function roleOf(isLimited: boolean): CollaboratorRole {
  return isLimited ? "limited" : "collaborator";
}

/** @throws {SlipwayError} "invalid" naming the email, "conflict" for one too many. */
async function invited({ users, collaborators }: Store, app: App, email: string): Promise<User> {
  const user = await users.byEmail(email.toLowerCase());
  if (user === null) throw invalidField("email", "belongs to no user here; an operator can create one");
  if (user.id === app.ownerId) throw invalidField("email", "is the owner's");
  if ((await collaborators.ofApp(app.id)).length >= maxCollaborators) {
    throw new SlipwayError("conflict", `an app has at most ${maxCollaborators} collaborators`);
  }
  return user;
}

/** Whoever deleted the user or the app may have looked for collaborators just before this one came. */
async function unlessGoneMeanwhile(
  { users, apps, collaborators }: Store,
  { appId, id, userId }: Collaborator,
): Promise<void> {
  const [user, app] = await Promise.all([users.get(userId), apps.get(appId)]);
  if (user !== null && app !== null) return;
  await collaborators.delete(appId, id);
  throw notFound(user === null ? "user" : "app");
}
