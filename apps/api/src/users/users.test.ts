import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { anApp, lacksRedis } from "@slipway/testkit";
import { startTestApi } from "../../test-support/api.ts";
import type { Answer, TestApi } from "../../test-support/api.ts";

const password = "correct horse battery staple";
const basic = (name: string, secret: string) =>
  `Basic ${Buffer.from(`${name}:${secret}`).toString("base64")}`;

describe.skipIf(await lacksRedis())("users and their tokens", () => {
  let api: TestApi;

  beforeAll(async () => {
    api = await startTestApi({ LOGIN_ATTEMPTS: "6" });
  });
  afterAll(() => api[Symbol.asyncDispose]());

  const operator = (method: string, path: string, body?: unknown) =>
    api.request(api.operatorToken, method, path, body);
  const create = async (user: object) => {
    const { status, body } = await operator("POST", "/v1/users", { user });
    expect(status).toBe(201);
    return (body as { user: { id: string } }).user;
  };
  const login = async (name: string, secret: string, body: object = { token: { name: "laptop" } }) => {
    const response = await fetch(`${api.url}/v1/tokens`, {
      method: "POST",
      headers: { authorization: basic(name, secret), "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const answer: unknown = await response.json();
    return { status: response.status, headers: response.headers, body: answer };
  };
  const secretIn = ({ body }: { body: unknown }) => (body as { token: { token: string; id: string } }).token;

  const jwtOf = async (token: string) => {
    const response = await fetch(`${api.url}/v1/tokens/exchange`, {
      method: "POST",
      headers: { authorization: basic("", token) },
    });
    return ((await response.json()) as { token: string }).token;
  };

  test("a user signs in with a password, creates a token, uses it, and revokes it", async () => {
    const user = await create({ username: "ada", email: "Ada@Example.com", fullname: "Ada", password });
    expect(user).toEqual({
      id: expect.any(String),
      username: "ada",
      email: "ada@example.com",
      fullname: "Ada",
      operator: false,
      created_at: expect.any(String),
    });
    const created = await login("ada", password);
    expect([created.status, created.body]).toEqual([
      201,
      {
        token: {
          id: expect.any(String),
          name: "laptop",
          created_at: expect.any(String),
          issued_at: expect.any(String),
          last_used_at: null,
          token: expect.stringMatching(/^tk-us-[\w-]{43}$/),
        },
      },
    ]);
    const { token, id } = secretIn(created);
    const jwt = await jwtOf(token);
    const listed = await api.request(jwt, "GET", "/v1/tokens");
    expect(listed.body).toEqual({
      tokens: [
        {
          id,
          name: "laptop",
          created_at: expect.any(String),
          issued_at: expect.any(String),
          last_used_at: expect.any(String),
        },
      ],
    });
    const second = await api.request(jwt, "POST", "/v1/tokens", { token: { name: "ci" } });
    expect(second.status).toBe(201);
    expect((await api.request(jwt, "DELETE", `/v1/tokens/${id}`)).status).toBe(204);
    for (const revoked of [jwt, token]) {
      expect((await api.request(revoked, "GET", "/v1/users/self")).status).toBe(401);
    }
    // This token was created with a JWT of the revoked token.
    expect((await api.request(secretIn(second).token, "GET", "/v1/users/self")).status).toBe(401);
    const left = secretIn(await login("ada", password));
    expect((await api.request(left.token, "GET", "/v1/tokens")).body).toMatchObject({
      tokens: [{ id: left.id }],
    });
    expect((await api.request(left.token, "DELETE", `/v1/tokens/${id}`)).status).toBe(404);
    const others = await api.newUser();
    expect((await api.request(others.token, "DELETE", `/v1/tokens/${left.id}`)).status).toBe(404);
  });

  test("a JWT cannot renew the API token that it depends on, and renews others", async () => {
    await create({ username: "lin", email: "lin@example.com", password });
    const { token, id } = secretIn(await login("lin", password));
    const other = secretIn(await login("lin", password));
    const jwt = await jwtOf(token);
    const own = await api.request(jwt, "PATCH", `/v1/tokens/${id}/renew`);
    expect([own.status, own.body]).toMatchObject([
      403,
      { error: expect.stringContaining("send the API token itself as the bearer token") },
    ]);
    const renewed = secretIn(await api.request(jwt, "PATCH", `/v1/tokens/${other.id}/renew`));
    expect((await api.request(renewed.token, "GET", "/v1/users/self")).status).toBe(200);
    const itself = secretIn(await api.request(token, "PATCH", `/v1/tokens/${id}/renew`));
    expect((await api.request(itself.token, "GET", "/v1/users/self")).status).toBe(200);
    expect((await api.request(renewed.token, "GET", "/v1/users/self")).status).toBe(401);
  });

  test("creating a token requires a name and valid credentials", async () => {
    await create({ username: "joan", email: "joan@example.com", password });
    expect((await login("joan@EXAMPLE.com", password)).status).toBe(201);
    expect(await login("joan", password, { token: { name: " " } })).toMatchObject({
      status: 422,
      body: { errors: { name: [expect.any(String)] } },
    });
    for (const [name, secret] of [
      ["joan", "wrong"],
      ["nobody", password],
      ["admin", ""],
    ] as const) {
      expect(await login(name, secret)).toMatchObject({
        status: 401,
        body: { error: "the user name or the password is wrong" },
      });
    }
  });

  test("a user renews a token, which revokes the old one", async () => {
    const { token } = await api.newUser();
    const { body } = await api.request(token, "POST", "/v1/tokens", { name: "ci" });
    const old = secretIn({ body });
    const others = await api.newUser();
    const path = `/v1/tokens/${old.id}/renew`;
    expect((await api.request(others.token, "PATCH", path)).status).toBe(404);
    const renewed = await api.request(token, "PATCH", path);
    expect([renewed.status, renewed.body]).toMatchObject([200, { token: { name: "ci" } }]);
    expect((await api.request(old.token, "GET", "/v1/users/self")).status).toBe(401);
    expect((await api.request(secretIn(renewed).token, "GET", "/v1/users/self")).status).toBe(200);
    expect((await api.request(token, "PATCH", path)).status).toBe(404);
    const nameless = await api.request(token, "POST", "/v1/tokens", {});
    expect(nameless.body).toMatchObject({ errors: { name: ["is required"] } });
  });

  test("a user changes their own password with the current one", async () => {
    const { user, token } = await api.newUser();
    const change = (changes: object) => api.request(token, "PATCH", "/v1/users/self", { user: changes });
    expect((await change({ password: "short" })).body).toMatchObject({
      errors: { password: [expect.any(String)] },
    });
    expect((await change({ password, fullname: "Ada" })).body).toMatchObject({ user: { fullname: "Ada" } });
    const next = { password: "another horse, another battery" };
    for (const current of [{}, { current_password: "wrong" }]) {
      expect((await change({ ...next, ...current })).body).toMatchObject({
        errors: { current_password: [expect.any(String)] },
      });
    }
    expect((await change({ ...next, current_password: password })).status).toBe(200);
    expect((await login(user.username, next.password)).status).toBe(201);
  });

  test("neither a JWT nor what it created sets the first password; an API token created after a login does", async () => {
    const { user, token } = await api.newUser();
    const setPassword = (bearer: string) =>
      api.request(bearer, "PATCH", "/v1/users/self", { user: { password } });
    const jwt = await jwtOf(token);
    const created = secretIn(await api.request(jwt, "POST", "/v1/tokens", { token: { name: "ci" } }));
    for (const bearer of [jwt, created.token, await jwtOf(created.token)]) {
      const { status, body } = await setPassword(bearer);
      expect([status, body]).toMatchObject([403, { error: expect.stringContaining("the first password") }]);
    }
    expect((await api.store.users.get(user.id))?.passwordHash).toBeNull();
    expect((await setPassword(token)).status).toBe(200);
    expect((await login(user.username, password)).status).toBe(201);
  });

  test("an operator cannot change their own password as that of another user, without the current one", async () => {
    const { user, token } = await api.newUser({ operator: true });
    const change = (bearer: string) =>
      api.request(bearer, "PATCH", `/v1/users/${user.id}`, { user: { password } });
    for (const bearer of [token, await jwtOf(token)]) expect((await change(bearer)).status).toBe(403);
    expect((await api.store.users.get(user.id))?.passwordHash).toBeNull();
    expect((await change(api.operatorToken)).status).toBe(200);
    expect((await login(user.username, password)).status).toBe(201);
    expect((await operator("DELETE", `/v1/users/${user.id}`)).status).toBe(204);
  });

  test("operators list, change and delete users, and only users without apps can be deleted", async () => {
    const { id } = await create({ username: "mary", email: "mary@example.com", password });
    const page = await operator("GET", "/v1/users?per_page=100");
    expect(page.body).toMatchObject({
      users: expect.arrayContaining([expect.objectContaining({ id, username: "mary" })]),
      meta: { pagination: { current_page: 1 } },
    });
    expect(page.text).not.toMatch(/argon2|password/);
    const changed = await operator("PATCH", `/v1/users/${id}`, {
      user: { fullname: "Mary", operator: true },
    });
    expect(changed.body).toMatchObject({
      user: { fullname: "Mary", operator: true, email: "mary@example.com" },
    });
    const { token } = secretIn(await login("mary", password));
    expect((await api.request(token, "GET", `/v1/users/${id}`)).status).toBe(200);
    const app = anApp({ ownerId: id });
    await api.store.apps.create(app);
    const refused = await operator("DELETE", `/v1/users/${id}`);
    expect([refused.status, refused.body]).toEqual([
      409,
      { error: `the user owns 1 apps, to be deleted first: ${app.name}` },
    ]);
    await api.store.apps.remove(app.id);
    expect((await operator("DELETE", `/v1/users/${id}/tokens`)).status).toBe(204);
    expect((await api.request(token, "GET", "/v1/users/self")).status).toBe(401);
    expect((await operator("DELETE", `/v1/users/${id}`)).status).toBe(204);
    expect((await operator("GET", `/v1/users/${id}`)).status).toBe(404);
    expect((await operator("DELETE", `/v1/users/${id}`)).body).toMatchObject({ resource: "user" });
  });

  test("user names and emails are unique, and the last operator cannot be removed", async () => {
    const { user } = await api.newUser({ username: "taken", email: "taken@example.com" });
    const twice = { username: "taken", email: "other@example.com" };
    expect((await operator("POST", "/v1/users", { user: twice })).status).toBe(409);
    const { id } = await create({ username: "free", email: "free@example.com" });
    const email = await operator("PATCH", `/v1/users/${id}`, { user: { email: user.email } });
    expect([email.status, email.body]).toMatchObject([422, { errors: { email: ["is taken"] } }]);
    const self = (await operator("GET", "/v1/users/self")).body as { user: { id: string } };
    const path = `/v1/users/${self.user.id}`;
    for (const answer of [
      await operator("PATCH", path, { user: { operator: false } }),
      await operator("DELETE", path),
    ] satisfies Answer[]) {
      expect([answer.status, answer.body]).toEqual([
        409,
        { error: expect.stringContaining("last operator") },
      ]);
    }
    expect((await operator("GET", path)).body).toMatchObject({ user: { operator: true } });
  });

  test("reserved user names are refused", async () => {
    for (const username of ["admin", "root", "system", "slipway", "api", "self"]) {
      const user = { username, email: `${username}@example.com` };
      const { status, body } = await operator("POST", "/v1/users", { user });
      expect([status, body]).toEqual([
        422,
        expect.objectContaining({ errors: { username: [`"${username}" is reserved; choose another one`] } }),
      ]);
    }
  });

  // Must be the last test: afterwards this address cannot sign in with a password.
  test("after too many failed logins even the right password is rejected for a while", async () => {
    await create({ username: "target", email: "target@example.com", password });
    const tries = [];
    while (tries.at(-1)?.status !== 429 && tries.length < 10) tries.push(await login("target", "wrong"));
    const last = tries.at(-1);
    expect([last?.status, last?.body]).toEqual([429, { error: "too many failed logins; try again later" }]);
    expect(Number(last?.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(last?.headers.get("ratelimit-policy")).toBe("6;w=900");
    expect((await login("target", password)).status).toBe(429);
    const exchange = await fetch(`${api.url}/v1/tokens/exchange`, {
      method: "POST",
      headers: { authorization: basic("", api.operatorToken) },
    });
    expect(exchange.status).toBe(200);
    expect((await operator("GET", "/v1/users/self")).status).toBe(200);
  });
});
