// The access of every role to each route of the API, to events, sockets and the dashboard, according to the permission tables.

import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { accountPermissions, accountRole, allows, appPermissions, isAppPermission } from "@slipway/auth";
import type { AppRole } from "@slipway/auth";
import type { App } from "@slipway/core";
import { aCollaborator, aLogChunk, aNewDeployment, anApp, lacksRedis } from "@slipway/testkit";
import { isPermission } from "@slipway/api/route";
import type { Access, Route } from "@slipway/api/route";
import { v1Routes } from "@slipway/api/routes";
import { startTestApi } from "@slipway/api/test-support";
import type { Answer, TestApi } from "@slipway/api/test-support";
import { IoClient } from "@slipway/stream/test-support/socket-io-client";
import { startTestStream } from "@slipway/stream/test-support/stream";
import type { TestStream } from "@slipway/stream/test-support/stream";
import { registeredRoutes } from "./registered.ts";

const roles = ["anonymous", "stranger", "limited", "collaborator", "owner", "operator"] as const;
type Role = (typeof roles)[number];

/** Routes that are not part of the tables, because they have their own credentials. */
const outside = new Set<Access>(["anyone", "credentials", "signed-url"]);
/** All other roles get 403, whether they are members or not. */
const dashboardStatus: Partial<Record<Role, number>> = { anonymous: 401, operator: 200 };
/** Routes outside of /v1 that are open to all clients: the API's description, its health, the documentation's pages. */
const open = ["get /", "get /health", "get /", "get /start.js", "get /:file"];

describe.skipIf(await lacksRedis())("every route, for every role", () => {
  let api: TestApi;
  let routes: readonly Route[];
  const tokens: Partial<Record<Role, string>> = {};
  const names = { app: "", deployment: "" };

  beforeAll(async () => {
    api = await startTestApi({ RATE_LIMIT: "0", RATE_LIMIT_POLLS: "0", RATE_LIMIT_ADDRESS: "0" });
    routes = v1Routes(api.service.context);
    const owner = await api.newUser();
    const app = anApp({ ownerId: owner.user.id });
    await api.store.apps.create(app);
    for (const role of ["limited", "collaborator"] as const) {
      const { user, token } = await api.newUser();
      await api.store.collaborators.create(aCollaborator({ appId: app.id, userId: user.id, role }));
      tokens[role] = token;
    }
    tokens.owner = owner.token;
    tokens.stranger = (await api.newUser()).token;
    tokens.operator = (await api.newUser({ operator: true })).token;
    const wanted = aNewDeployment({ appId: app.id, ownerId: owner.user.id });
    const { id } = await api.store.deployments.create(wanted);
    await api.store.logs.append(aLogChunk({ deploymentId: id }));
    Object.assign(names, { app: app.name, deployment: id });
  });
  afterAll(() => api[Symbol.asyncDispose]());

  const request = ({ method, path, body }: Route, role: Role) => {
    const named = path.replace(/:(\w+)/g, (_, name: string) =>
      name in names ? names[name as keyof typeof names] : randomUUID(),
    );
    return api.request(tokens[role] ?? null, method.toUpperCase(), `/v1${named}`, body && {});
  };

  test("Express has exactly the routes of the table", () => {
    const expected = [...open, ...routes.map(({ method, path }) => `${method} ${path}`)];
    expect(registeredRoutes(api.service.http).toSorted()).toEqual(expected.toSorted());
  });

  test("each permission is used by a route, except the dashboard's", () => {
    const used = new Set<string>(routes.map(({ access }) => access));
    const table = Object.keys({ ...accountPermissions, ...appPermissions });
    expect(table.filter((permission) => !used.has(permission))).toEqual(["queues:manage"]);
  });

  test.each(roles)("%s: every route answers as the permission tables say", async (role) => {
    const wrong: unknown[] = [];
    for (const route of routes.filter(({ access }) => !outside.has(access))) {
      const answer = await request(route, role);
      const found = meaningOf(answer);
      const expected = expectedOf(route, role);
      if (found !== expected) {
        wrong.push({ route: `${route.method} ${route.path}`, expected, found, body: answer.body });
      }
    }
    expect(wrong).toEqual([]);
  });

  test.each(roles)("%s: outputs are followed as events if the role may read logs", async (role) => {
    const outputs = routes.filter(({ method, path }) => method === "get" && path.endsWith("/output"));
    expect(outputs).toHaveLength(2);
    for (const route of outputs) {
      const path = route.path.replace(":app", names.app).replace(":deployment", names.deployment);
      const authorization = `Bearer ${tokens[role] ?? ""}`;
      const headers = tokens[role] === undefined ? {} : { authorization };
      const answer = await fetch(`${api.url}/v1${path}?follow=1`, { headers });
      const events = answer.headers.get("content-type")?.startsWith("text/event-stream") === true;
      const body: unknown = events ? await answer.body?.cancel() : await answer.json();
      expect(meaningOf({ status: answer.status, body })).toBe(expectedOf(route, role));
      expect(events).toBe(mayFollow(role));
    }
  });

  test("an open route answers, and one with its own credentials requires them", async () => {
    const statuses = async (access: Route["access"], role: Role) => {
      const answers = routes.filter((route) => route.access === access).map((route) => request(route, role));
      return new Set((await Promise.all(answers)).map(({ status }) => status));
    };
    expect(await statuses("anyone", "anonymous")).toEqual(new Set([200]));
    expect(await statuses("credentials", "anonymous")).toEqual(new Set([401]));
    for (const role of roles) expect(await statuses("signed-url", role)).toEqual(new Set([403]));
  });

  test("the dashboard is for operators only", async () => {
    for (const role of roles) {
      const authorization = `Basic ${Buffer.from(`any:${tokens[role] ?? ""}`).toString("base64")}`;
      for (const path of ["/queues", "/queues/api/queues"]) {
        const { status } = await fetch(api.url + path, { headers: { authorization } });
        expect([role, path, status]).toEqual([role, path, dashboardStatus[role] ?? 403]);
      }
    }
  });
});

describe.skipIf(await lacksRedis())("the sockets of an app, for every role", () => {
  const table = Object.fromEntries(roles.map((role) => [role, mayFollow(role)]));
  const tokens: Partial<Record<Role, string>> = { anonymous: "nobody" };
  let stream: TestStream;
  let app: App;

  beforeAll(async () => {
    stream = await startTestStream();
    const owner = await stream.newUser();
    tokens.owner = owner.jwt;
    app = await stream.newApp(owner.user);
    await stream.deploy(app);
    for (const role of ["stranger", "limited", "collaborator", "operator"] as const) {
      const { user, jwt } = await stream.newUser({ operator: role === "operator" });
      tokens[role] = jwt;
      if (role !== "limited" && role !== "collaborator") continue;
      await stream.store.collaborators.create(aCollaborator({ appId: app.id, userId: user.id, role }));
    }
  });
  afterAll(() => stream[Symbol.asyncDispose]());

  test("the WebSocket is for roles that may read the app's logs", async () => {
    const follows: Partial<Record<Role, boolean>> = {};
    for (const role of roles) {
      const client = stream.connect(`/apps/${app.name}`);
      await client.auth(tokens[role] ?? "");
      follows[role] = await Promise.race([
        client.untilStatus("queued").then(() => true),
        client.closed.then(({ code }) => code !== 1008),
      ]);
    }
    expect(follows).toEqual(table);
  });

  test("socket.io is for roles that may read the app's logs, for the app and for a deployment", async () => {
    const { deployment } = await stream.deploy(app);
    for (const wanted of [{ app: app.name }, { app: app.id, deployment: deployment.id }]) {
      const follows: Partial<Record<Role, boolean>> = {};
      for (const role of roles) {
        using client = new IoClient(stream.url, tokens[role], ["websocket"]);
        follows[role] = await Promise.race([
          client.request("subscribe", wanted).then(({ ok }) => ok),
          client.refused.then(() => false),
        ]);
      }
      expect(follows).toEqual(table);
    }
  });
});

type Meaning = "passed" | "unauthenticated" | "forbidden" | "hidden";

/** A 404 for an object in the app is an answer of the route itself. */
function meaningOf({ status, body }: Pick<Answer, "status" | "body">): Meaning {
  if (status === 401) return "unauthenticated";
  if (status === 403) return "forbidden";
  const { resource, error } = (body ?? {}) as { resource?: string; error?: string };
  const hidden = resource === "app" || error === "deployment not found";
  return status === 404 && hidden ? "hidden" : "passed";
}

function expectedOf({ access }: Route, role: Role): Meaning {
  if (role === "anonymous") return "unauthenticated";
  if (!isPermission(access)) return "passed";
  if (!isAppPermission(access)) {
    const operator = role === "operator";
    return allows(accountRole({ operator }), access) ? "passed" : "forbidden";
  }
  const appRole = appRoleOf(role);
  if (appRole === null) return "hidden";
  return allows(appRole, access) ? "passed" : "forbidden";
}

function mayFollow(role: Role): boolean {
  const appRole = appRoleOf(role);
  return appRole !== null && allows(appRole, "logs:read");
}

function appRoleOf(role: Role): AppRole | null {
  return role === "anonymous" || role === "stranger" ? null : role;
}
