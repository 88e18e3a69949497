// Scalingo's published JavaScript client, with all its calls about deployments.

import { randomBytes } from "node:crypto";
import { clientFromToken } from "scalingo";
import type { Client } from "scalingo";
import { inject } from "vitest";
import { beforeAll, describe, expect, test } from "vitest";
import { packTarGz } from "@slipway/testkit";
import { answering, inlineApp } from "../e2e/apps.ts";
import { deployed, upload } from "../e2e/slipway.ts";

describe("the JavaScript client", () => {
  let client: Client;
  // Each test has its own app, so that a retried test starts anew.
  const newName = () => `js-${randomBytes(4).toString("hex")}`;
  const newApp = async () => (await client.Apps.create({ name: newName() })).name;

  beforeAll(async () => {
    const url = inject("apiUrl").replace(/\/$/, "");
    client = await clientFromToken(inject("adminToken"), { apiUrl: url, authApiUrl: url });
  });

  test("the JavaScript client exchanges the API token for a JWT of an hour", () => {
    const [, payload = ""] = client._token.split(".");
    const { exp, iat } = JSON.parse(Buffer.from(payload, "base64url").toString()) as Record<string, number>;
    expect(client._token.split(".")).toHaveLength(3);
    expect((exp ?? 0) - (iat ?? 0)).toBe(3_600);
  });

  test("the JavaScript client reads its user and its region", async () => {
    const user = await client.Users.self();
    expect(user).toMatchObject({ username: "admin", email: expect.stringContaining("@"), flags: {} });
    const regions = await client.Regions.all();
    expect(regions).toHaveLength(1);
    expect(regions[0]).toMatchObject({ default: true, api: client._apiUrl });
  });

  test("the JavaScript client creates, finds and lists apps", async () => {
    const name = newName();
    const app = await client.Apps.create({ name });
    expect(app).toMatchObject({ name, status: "new", limits: {}, flags: {} });
    expect((await client.Apps.find(app.id)).name).toBe(name);
    expect((await client.Apps.find(name)).id).toBe(app.id);
    expect((await client.Apps.all()).map((each) => each.name)).toContain(name);
  });

  test("the JavaScript client makes a dry run of the creation of an app", async () => {
    const name = newName();
    expect(await client.Apps.create({ name, dry_run: true })).toMatchObject({ name, status: "new" });
    await expect(client.Apps.find(name)).rejects.toMatchObject({ status: 404 });
  });

  test("the JavaScript client creates, changes and deletes notifiers", async () => {
    const name = await newApp();
    // The client's types declare a single platform, but it returns all of them.
    const listed: unknown = await client.NotificationPlatforms.list();
    const platforms = listed as { name: string; available_event_ids: string[] }[];
    expect(platforms.map((platform) => platform.name)).toContain("webhook");
    const [platform] = platforms;
    const types = await client.Events.listEventTypes();
    expect(types.map(({ id }) => id)).toEqual(platform?.available_event_ids);
    const webhook = {
      name: "ops",
      platform_id: "webhook",
      active: false,
      send_all_events: false,
      selected_event_ids: ["deployment_failed"],
      type_data: { webhook_url: "https://example.com/hook" },
    };
    const made = await client.Notifiers.create(name, webhook);
    expect(made).toMatchObject(webhook);
    const { id } = made;
    expect(await client.Notifiers.update(name, id, { name: "others" })).toMatchObject({ id, name: "others" });
    expect(await client.Notifiers.get(name, id)).toMatchObject({ id, active: false });
    expect((await client.Notifiers.for(name)).map((each) => each.id)).toEqual([id]);
    expect(await client.Notifiers.test(name, id)).toMatchObject({ delivery_id: expect.any(String) });
    await client.Notifiers.destroy(name, id);
    expect(await client.Notifiers.for(name)).toEqual([]);
  });

  test("the JavaScript client sets, changes and unsets variables", async () => {
    const name = await newApp();
    const created = await client.Environment.create(name, { name: "GREETING", value: "hello" });
    const bulk = await client.Environment.bulkUpdate(name, [
      { name: "GREETING", value: "bonjour" },
      { name: "OTHER", value: "" },
      { name: "THIRD", value: "3" },
    ]);
    expect(bulk[0]).toEqual({ id: created.id, name: "GREETING", value: "bonjour", scope: "both" });
    expect(await client.Environment.update(name, created.id, "salut")).toMatchObject({ value: "salut" });
    await client.Environment.destroy(name, bulk[1]?.id ?? "");
    await client.Environment.bulkDestroy(name, [bulk[2]?.id ?? ""]);
    expect(await client.Environment.for(name)).toEqual([
      { id: created.id, name: "GREETING", value: "salut", scope: "both" },
    ]);
  });

  test("the JavaScript client makes, lists, renews and revokes API tokens", async () => {
    const made = await client.Tokens.create("made by a test");
    expect(made.token).toMatch(/^tk-us-/);
    const shown = (await client.Tokens.all()).find(({ id }) => id === made.id);
    expect(shown).toMatchObject({ name: "made by a test" });
    expect(shown?.token ?? null).toBeNull();
    const renewed = await client.Tokens.renew(made.id);
    expect(await client.Tokens.exchange(renewed.token ?? "")).toMatch(/^[^.]+\.[^.]+\.[^.]+$/);
    await expect(client.Tokens.exchange(made.token ?? "")).rejects.toMatchObject({ status: 401 });
    expect((await client.Tokens.all()).map(({ id }) => id)).toContain(renewed.id);
    await client.Tokens.destroy(renewed.id);
    expect((await client.Tokens.all()).map(({ id }) => id)).not.toContain(renewed.id);
    await expect(client.Tokens.exchange(renewed.token ?? "")).rejects.toMatchObject({ status: 401 });
  });

  test("the JavaScript client adds, limits and removes collaborators", async () => {
    const name = await newApp();
    const email = `${name}@example.com`;
    const answer = await fetch(new URL("/v1/users", inject("apiUrl")), {
      method: "POST",
      headers: { authorization: `Bearer ${client._token}`, "content-type": "application/json" },
      body: JSON.stringify({ user: { username: name, email } }),
    });
    expect(answer.status).toBe(201);
    const invited = await client.Collaborators.invite(name, email);
    expect(invited).toMatchObject({ email, username: name, status: "accepted", is_limited: false });
    const limited = await client.Collaborators.update(name, invited.id, { is_limited: true });
    expect(limited).toMatchObject({ id: invited.id, is_limited: true });
    expect(await client.Collaborators.for(name)).toEqual([limited]);
    await client.Collaborators.destroy(name, invited.id);
    expect(await client.Collaborators.for(name)).toEqual([]);
  });

  test("the JavaScript client deploys, listens until the end, and reads the log", async () => {
    const name = await newApp();
    await client.Environment.create(name, { name: "GREETING", value: "salut" });
    const listener = await client.Apps.deploymentListener(name);
    const received = { news: [] as string[], lines: [] as string[], statuses: [] as string[] };
    const over = Promise.withResolvers<void>();
    listener.onNew(({ deployment }) => void received.news.push(deployment));
    listener.onLog(({ content }) => void received.lines.push(content));
    listener.onStatus(({ status }) => {
      received.statuses.push(status);
      if (!["queued", "building", "pushing", "starting"].includes(status)) over.resolve();
    });
    const source_url = await upload(await packTarGz(inlineApp("echo compiled", answering("$GREETING"))));
    const created = await client.Deployments.create(name, { source_url, git_ref: "v1" });
    expect(created).toMatchObject({ status: expect.any(String), git_ref: "v1", duration: 0 });
    await over.promise;
    listener.close();
    expect(received.statuses).toEqual(["queued", "building", "pushing", "starting", "success"]);
    const log = await client.Deployments.logs(name, created.id);
    expect(log.trimEnd().split("\n")).toEqual(received.lines);
    expect(log).toContain("compiled");
    expect(await client.Deployments.find(name, created.id)).toMatchObject({
      status: "success",
      duration: expect.any(Number),
      image: expect.any(String),
      pusher: { username: "admin" },
      links: { output: expect.stringContaining(created.id) },
    });
    const { deployments, meta } = await client.Deployments.for(name, { page: 1, per_page: 1 });
    expect(deployments.map(({ id }) => id)).toEqual([created.id]);
    expect(meta.pagination).toMatchObject({ current_page: 1, total_count: 1, next_page: null });
    expect((await client.Apps.find(name)).status).toBe("running");
    await client.Deployments.purgeCache(name);
  });

  test("the JavaScript client scales, restarts, and lists what runs", async () => {
    const name = await newApp();
    await deployed(name, await packTarGz(inlineApp("true", answering("scaled"))));
    const web = { name: "web", amount: 2, size: "M" };
    const { formation, operation } = await client.Containers.scale(name, [web]);
    expect(formation).toMatchObject([web]);
    await operation?.wait();
    expect(operation).toMatchObject({ status: "done", type: "scale", finished_at: expect.any(String) });
    const processes = await client.Containers.processes(name);
    expect(processes).toMatchObject([
      { type: "web", type_index: 1, label: "web-1", state: "running", deleted_at: null },
      { label: "web-2", container_size: { name: "M", memory: expect.any(Number) } },
    ]);
    expect(await client.Containers.for(name)).toMatchObject([web]);
    const restart = await client.Containers.restart(name);
    await restart.wait();
    expect(await client.Operations.operation(name, restart.id ?? "")).toMatchObject({ status: "done" });
    const former = new Set(processes.map(({ id }) => id));
    const anew = await client.Containers.processes(name);
    expect(anew.map(({ id }) => former.has(id))).toEqual([false, false]);
  });

  test("the JavaScript client reads errors", async () => {
    const name = await newApp();
    await expect(client.Apps.find("no-such-app")).rejects.toMatchObject({
      status: 404,
      message: "app not found",
      data: { resource: "app" },
    });
    await expect(client.Deployments.find(name, "none")).rejects.toMatchObject({
      status: 404,
      data: { resource: "deployment" },
    });
    await expect(client.Apps.create({ name: "Not A Name" })).rejects.toMatchObject({
      status: 422,
      data: { errors: { name: [expect.any(String)] } },
    });
    const wrong = client.Deployments.create(name, { source_url: "nonsense", git_ref: "v" });
    await expect(wrong).rejects.toMatchObject({
      status: 422,
      data: { errors: { source_url: [expect.any(String)] } },
    });
    await expect(client.Tokens.exchange("tk-us-wrong")).rejects.toMatchObject({ status: 401 });
  });

  test("the JavaScript client deletes an app only if it repeats the app's name", async () => {
    const name = await newApp();
    const { id } = await client.Apps.find(name);
    await expect(client.Apps.destroy(id, "another")).rejects.toMatchObject({ status: 422 });
    await client.Apps.destroy(id, name);
    await expect(client.Apps.find(id)).rejects.toMatchObject({ status: 404 });
  });
});
