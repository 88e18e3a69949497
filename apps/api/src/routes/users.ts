// /v1/users: who the bearer is; and for operators, who else there is.

import { changeAccount, createAccount, deleteAccount } from "@slipway/auth";
import { invalidField, notFound, pageRequest, paginate } from "@slipway/core";
import type { User } from "@slipway/core";
import {
  changeSelfRequest,
  changeUserRequest,
  createUserRequest,
  pageQuery,
  selfAnswer,
  userAnswer,
  usersAnswer,
} from "@slipway/protocol";
import { limitedPassword } from "../middleware/rate-limit.ts";
import type { Platform } from "../platform.ts";
import { presentPagination } from "../presenters/deployment.ts";
import { presentUser } from "../presenters/user.ts";
import { route } from "../route.ts";
import type { Asked, Route } from "../route.ts";

export function userRoutes(platform: Platform): Route[] {
  return [...selfRoutes(platform), ...operatorsRoutes(platform)];
}

function selfRoutes(platform: Platform): Route[] {
  const self = ({ id, username, email, fullname }: User) => ({
    user: { id, username, email, fullname, flags: {} },
  });
  return [
    route({
      method: "get",
      path: "/users/self",
      summary: "Show who the bearer is",
      access: "account:use",
      answer: { status: 200, json: selfAnswer },
      handle: async ({ user }) => self(user),
    }),
    route({
      method: "patch",
      path: "/users/self",
      summary: "Change one's own full name or password",
      access: "account:use",
      body: changeSelfRequest,
      answer: { status: 200, json: selfAnswer },
      async handle(asked) {
        const { fullname, password, current_password: current } = asked.body.user;
        if (password !== undefined) await checkCurrent(platform, asked, current);
        return self(await changeAccount(platform.store, asked.user.id, { fullname, password }));
      },
    }),
  ];
}

function operatorsRoutes({ store, now }: Platform): Route[] {
  return [
    route({
      method: "post",
      path: "/users",
      summary: "Create a user",
      access: "users:manage",
      body: createUserRequest,
      answer: { status: 201, json: userAnswer },
      problems: [409],
      async handle({ body: { user: wanted } }) {
        const user = await createAccount(store, { ...wanted, password: wanted.password ?? null }, now());
        return { user: presentUser(user) };
      },
    }),
    route({
      method: "get",
      path: "/users",
      summary: "List users, by user name",
      access: "users:manage",
      query: pageQuery,
      answer: { status: 200, json: usersAnswer },
      async handle({ query }) {
        const page = pageRequest(query.page, query.per_page);
        const { users, totalCount } = await store.users.list(page);
        const pagination = presentPagination(paginate(page, totalCount));
        return { users: users.map(presentUser), meta: { pagination } };
      },
    }),
    route({
      method: "get",
      path: "/users/:user",
      summary: "Show a user",
      access: "users:manage",
      answer: { status: 200, json: userAnswer },
      async handle({ params }) {
        const user = await store.users.get(params.user);
        if (user === null) throw notFound("user");
        return { user: presentUser(user) };
      },
    }),
    route({
      method: "patch",
      path: "/users/:user",
      summary: "Change a user's email, full name or password, or whether they are an operator",
      access: "users:manage",
      body: changeUserRequest,
      answer: { status: 200, json: userAnswer },
      problems: [409],
      async handle({ params, body }) {
        return { user: presentUser(await changeAccount(store, params.user, body.user)) };
      },
    }),
    route({
      method: "delete",
      path: "/users/:user",
      summary: "Delete a user who owns no apps, with their tokens and collaborations",
      access: "users:manage",
      answer: { status: 204 },
      problems: [409],
      async handle({ params }) {
        await deleteAccount(store, params.user);
      },
    }),
    route({
      method: "delete",
      path: "/users/:user/tokens",
      summary: "Revoke all of a user's API tokens",
      access: "users:manage",
      answer: { status: 204 },
      async handle({ params }) {
        if ((await store.users.get(params.user)) === null) throw notFound("user");
        await store.tokens.removeOfUser(params.user);
      },
    }),
  ];
}

/** Whoever found a token shall not take the account over with it. */
async function checkCurrent(
  { auth, limits }: Platform,
  {
    request,
    response,
    user,
  }: Pick<Asked<string, "account:use", undefined, undefined>, "request" | "response" | "user">,
  current: string | undefined,
): Promise<void> {
  if (user.passwordHash === null) return;
  if (current === undefined) throw invalidField("current_password", "is required");
  const fits = await limitedPassword(limits, { request, response, account: user.id }, () =>
    auth.signIn(user.username, current),
  );
  if (fits === null) throw invalidField("current_password", "is wrong");
}
