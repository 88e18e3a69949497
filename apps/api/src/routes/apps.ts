// /v1/apps: create, list, show, delete.

import { randomUUID } from "node:crypto";
import type { Router } from "express";
import { invalidField, newApp } from "@slipway/core";
import { createAppRequest } from "@slipway/protocol";
import type { AppAnswer, AppsAnswer } from "@slipway/protocol";
import { deleteApp } from "../delete-app.ts";
import { userOf } from "../middleware/authentication.ts";
import { appOf } from "../middleware/load-app.ts";
import type { Platform } from "../platform.ts";
import { presentApp } from "../presenters/app.ts";
import { parseBody } from "../validate.ts";

export function addAppRoutes(router: Router, platform: Platform): void {
  const { store, config, now } = platform;

  router.get("/apps", async (_request, response) => {
    const user = userOf(response);
    const apps = await store.apps.list(user.operator ? "all" : { ownerId: user.id });
    const ownerIds = [...new Set(apps.map((app) => app.ownerId))];
    const owners = new Map(
      await Promise.all(ownerIds.map(async (id) => [id, await store.users.get(id)] as const)),
    );
    const bodies = apps.map((app) => presentApp(app, owners.get(app.ownerId) ?? null, config));
    response.json({ apps: bodies } satisfies AppsAnswer);
  });

  router.post("/apps", async (request, response) => {
    const user = userOf(response);
    const { name } = parseBody(createAppRequest, request.body).app;
    const app = newApp({ id: randomUUID(), name, ownerId: user.id, createdAt: now() });
    await store.apps.create(app);
    response.status(201).json({ app: presentApp(app, user, config) } satisfies AppAnswer);
  });

  router.get("/apps/:app", async (_request, response) => {
    const app = appOf(response);
    const owner = await store.users.get(app.ownerId);
    response.json({ app: presentApp(app, owner, config) } satisfies AppAnswer);
  });

  router.delete("/apps/:app", async (request, response) => {
    const app = appOf(response);
    if (request.query["current_name"] !== app.name) {
      throw invalidField("current_name", "must be the app's name, to confirm the deletion");
    }
    await deleteApp(platform, app);
    response.status(204).end();
  });
}
