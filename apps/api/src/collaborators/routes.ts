// /v1/apps/:app/collaborators: list, add, change and remove users who may use the app.

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
import type { CollaboratorBody } from "@slipway/protocol";
import { requireApp } from "../apps/require-app.ts";
import { route } from "../http/route.ts";
import type { Route } from "../http/route.ts";
import { presentCollaborator } from "./presenter.ts";

export interface CollaboratorContext {
  readonly store: Pick<Store, "apps" | "collaborators" | "users">;
  readonly now: () => Date;
}

export function collaboratorRoutes(context: CollaboratorContext): Route[] {
  return [...collectionRoutes(context), ...itemRoutes(context.store)];
}

function collectionRoutes({ store, now }: CollaboratorContext): Route[] {
  const { collaborators } = store;
  return [
    route({
      method: "get",
      path: "/apps/:app/collaborators",
      summary: "List an app's collaborators, oldest first",
      access: "collaborators:read",
      answer: { status: 200, json: collaboratorsAnswer },
      async handle({ app }) {
        const found = await collaborators.ofApp(app.id);
        return { collaborators: await Promise.all(found.map((one) => present(store, one))) };
      },
    }),
    route({
      method: "post",
      path: "/apps/:app/collaborators",
      summary: "Give a user of this installation access to the app, at once",
      access: "collaborators:write",
      body: addCollaboratorRequest,
      answer: { status: 201, json: addedCollaboratorAnswer },
      problems: [409],
      async handle({ app, body: { collaborator: fields } }) {
        const user = await findInvitee(store, app, fields.email);
        const added = {
          id: randomUUID(),
          appId: app.id,
          userId: user.id,
          role: roleOf(fields.is_limited),
          createdAt: now(),
        };
        await collaborators.create(added);
        await checkStillExist(store, added);
        return { collaborator: { ...presentCollaborator(added, user), invitation_link: "" } };
      },
    }),
  ];
}

function itemRoutes(store: Pick<Store, "collaborators" | "users">): Route[] {
  const { collaborators } = store;
  return [
    route({
      method: "patch",
      path: "/apps/:app/collaborators/:collaborator",
      summary: "Change a collaborator's role",
      access: "collaborators:write",
      body: changeCollaboratorRequest,
      answer: { status: 200, json: collaboratorAnswer },
      async handle({ app, params, body }) {
        const role = roleOf(body.collaborator.is_limited);
        const existing = await collaborators.get(app.id, params.collaborator);
        if (existing === null || !(await collaborators.setRole(app.id, existing.id, role))) {
          throw notFound("collaborator");
        }
        return { collaborator: await present(store, { ...existing, role }) };
      },
    }),
    route({
      method: "delete",
      path: "/apps/:app/collaborators/:collaborator",
      summary: "Remove a collaborator",
      access: "collaborators:write",
      answer: { status: 204 },
      async handle({ app, params }) {
        if (!(await collaborators.delete(app.id, params.collaborator))) throw notFound("collaborator");
      },
    }),
  ];
}

async function present(
  { users }: Pick<Store, "users">,
  collaborator: Collaborator,
): Promise<CollaboratorBody> {
  return presentCollaborator(collaborator, await users.get(collaborator.userId));
}

function roleOf(isLimited: boolean): CollaboratorRole {
  return isLimited ? "limited" : "collaborator";
}

/** @throws {SlipwayError} "invalid" naming the email, "conflict" if the app has too many collaborators. */
async function findInvitee(
  { users, collaborators }: Pick<Store, "users" | "collaborators">,
  app: App,
  email: string,
): Promise<User> {
  const user = await users.byEmail(email.toLowerCase());
  if (user === null) throw invalidField("email", "belongs to no user here; an operator can create one");
  if (user.id === app.ownerId) throw invalidField("email", "belongs to the app's owner");
  if ((await collaborators.ofApp(app.id)).length >= maxCollaborators) {
    throw new SlipwayError("conflict", `an app has at most ${maxCollaborators} collaborators`);
  }
  return user;
}

/** Removes the collaborator again if the user or the app was deleted just before: the deletion did not find the collaborator. */
async function checkStillExist(
  { users, apps, collaborators }: CollaboratorContext["store"],
  { appId, id, userId }: Collaborator,
): Promise<void> {
  const undo = () => collaborators.delete(appId, id);
  await requireApp({ apps }, appId, undo);
  if ((await users.get(userId)) !== null) return;
  await undo();
  throw notFound("user");
}
