// Sessions of the console: the cookie, the rejection of requests from other pages, the end of a session.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createAccount, sessionLifetimeMs, sessionTokenName } from "@slipway/auth";
import { lacksRedis } from "@slipway/testkit";
import { startTestApi } from "../../test-support/api.ts";
import type { TestApi } from "../../test-support/api.ts";

const own = { "x-slipway-console": "1" };
const password = "correct horse battery staple";

describe.skipIf(await lacksRedis())("sessions of the console", () => {
  let api: TestApi;

  beforeAll(async () => {
    api = await startTestApi({ LOGIN_ATTEMPTS: "3" });
    const fields = { username: "ada", email: "ada@example.com", fullname: "", operator: false, password };
    await createAccount(api.store, fields, new Date());
  });
  afterAll(() => api[Symbol.asyncDispose]());

  const send = (method: string, path: string, headers: Record<string, string> = {}, body?: unknown) =>
    fetch(`${api.url}/v1${path}`, {
      method,
      headers: { "content-type": "application/json", ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const basic = (name: string, secret: string) => ({
    authorization: `Basic ${Buffer.from(`${name}:${secret}`).toString("base64")}`,
  });
  const cookieOf = (answer: Response) => answer.headers.getSetCookie()[0]?.split(";")[0] ?? "";
  const logIn = async (credentials: Record<string, string>) => {
    const answer = await send("POST", "/session", { ...own, ...credentials });
    expect(answer.status).toBe(201);
    return cookieOf(answer);
  };

  test("a login by password sets an HttpOnly cookie for this site only, and the cookie authenticates", async () => {
    const answer = await send("POST", "/session", { ...own, ...basic("ada", password) });
    const [cookie = ""] = answer.headers.getSetCookie();
    expect(cookie).toMatch(
      /^slipway_session=tk-us-[\w-]+; Max-Age=\d+; Path=\/; .*HttpOnly; SameSite=Strict$/,
    );
    expect(await answer.text()).not.toContain("tk-us-");
    const session = await send("GET", "/session", { cookie: cookieOf(answer) });
    expect(await session.json()).toMatchObject({ session: { user: { username: "ada" }, operator: false } });
  });

  test("the cookie of an API with https is Secure and bound to the host", async () => {
    await using secure = await startTestApi({ PUBLIC_API_URL: "https://slipway.example.com" });
    const { port } = secure.config.server;
    const answer = await fetch(`http://127.0.0.1:${port}/v1/session`, {
      method: "POST",
      headers: { ...own, authorization: `Bearer ${secure.operatorToken}` },
    });
    expect(answer.headers.getSetCookie()[0]).toMatch(/^__Host-slipway_session=.*; Secure; SameSite=Strict$/);
    const secret = cookieOf(answer).split("=")[1];
    const show = (cookie: string) =>
      fetch(`http://127.0.0.1:${port}/v1/session`, { headers: { cookie: `${cookie}=${secret}` } });
    expect((await show("__Host-slipway_session")).status).toBe(200);
    // A page of a neighboring host can set the cookie without the prefix.
    expect((await show("slipway_session")).status).toBe(401);
  });

  test("a write with the cookie needs the console's header and its origin", async () => {
    const cookie = await logIn(basic("ada", password));
    const create = (headers: Record<string, string>) =>
      send("POST", "/apps", { cookie, ...headers }, { app: { name: "by-session" } });
    expect((await create({})).status).toBe(403);
    expect((await create({ ...own, "sec-fetch-site": "cross-site" })).status).toBe(403);
    expect((await create({ ...own, "sec-fetch-site": "same-site" })).status).toBe(403);
    expect((await create({ ...own, origin: "https://elsewhere.example.com" })).status).toBe(403);
    expect((await create({ ...own, "sec-fetch-site": "same-origin" })).status).toBe(201);
    expect((await send("POST", "/tokens/exchange", { cookie })).status).toBe(403);
    const elsewhere = { "sec-fetch-site": "cross-site", ...basic("ada", password) };
    expect((await send("POST", "/session", elsewhere)).status).toBe(403);
  });

  test("a session is exchanged for a token of the stream, which ends with it", async () => {
    const cookie = await logIn(basic("ada", password));
    const answer = await send("POST", "/tokens/exchange", { ...own, cookie });
    const { token } = (await answer.json()) as { token: string };
    const bearer = { authorization: `Bearer ${token}` };
    expect((await send("GET", "/apps", bearer)).status).toBe(200);
    const left = await send("DELETE", "/session", { ...own, cookie });
    expect([left.status, left.headers.getSetCookie()[0]]).toEqual([204, expect.stringContaining("1970")]);
    expect((await send("GET", "/apps", bearer)).status).toBe(401);
    expect((await send("GET", "/apps", { cookie })).status).toBe(401);
  });

  test("a session by API token ends with the token, and is stored as a hash only", async () => {
    const { user, token } = await api.newUser();
    const cookie = await logIn({ authorization: `Bearer ${token}` });
    const stored = await api.store.tokens.ofUser(user.id);
    expect(stored.map(({ name }) => name).toSorted()).toEqual([sessionTokenName, "test"]);
    expect(JSON.stringify(stored)).not.toContain(cookie.split("=")[1]);
    const used = stored.find(({ name }) => name === "test");
    expect((await api.request(token, "DELETE", `/v1/tokens/${used?.id}`)).status).toBe(204);
    expect((await send("GET", "/session", { cookie })).status).toBe(401);
  });

  test("a session expires, and a user has at most ten", async () => {
    const { user, token } = await api.newUser();
    const bearer = { authorization: `Bearer ${token}` };
    const first = await logIn(bearer);
    const sessions = async () =>
      (await api.store.tokens.ofUser(user.id)).filter(({ name }) => name === sessionTokenName);
    const [session] = await sessions();
    if (session === undefined) throw new Error("no session is stored");
    await api.store.tokens.delete(user.id, session.id);
    const createdAt = new Date(Date.now() - sessionLifetimeMs);
    await api.store.tokens.create({ ...session, createdAt });
    expect((await send("GET", "/session", { cookie: first })).status).toBe(401);
    for (let logins = 0; logins < 11; logins += 1) await logIn(bearer);
    expect(await sessions()).toHaveLength(10);
  });

  test("failed logins are limited as those for API tokens are", async () => {
    const tries = [];
    for (let count = 0; count < 4; count += 1) {
      tries.push((await send("POST", "/session", { ...own, ...basic("ada", "wrong") })).status);
    }
    expect(tries).toEqual([401, 401, 401, 429]);
  });
});
