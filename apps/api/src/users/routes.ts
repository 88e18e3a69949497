// /v1/users: the user's own account, and account management for operators.

import { changeAccount, createAccount, deleteAccount } from "@slipway/auth";
import type { Auth } from "@slipway/auth";
import { SlipwayError, invalidField, notFound, pageRequest, paginate } from "@slipway/core";
import type { Quotas, Store, User } from "@slipway/core";
import {
  changeSelfRequest,
  changeUserRequest,
  createUserRequest,
  pageQuery,
  selfAnswer,
  userAnswer,
  usersAnswer,
} from "@slipway/protocol";
import type { Limits } from "../http/limits.ts";
import { grantedByOf } from "../http/middleware/authentication.ts";
import { limitedPassword } from "../http/middleware/rate-limit.ts";
import { presentPagination } from "../http/pagination.ts";
import { route } from "../http/route.ts";
import type { Route, RouteInput } from "../http/route.ts";
import { presentUser } from "./presenter.ts";
import { presentQuotas, quotasOf } from "./quotas.ts";

interface PasswordContext {
  readonly auth: Pick<Auth, "signIn">;
  readonly limits: Pick<Limits, "logins" | "accounts">;
}

interface SelfContext extends PasswordContext {
  readonly store: Pick<Store, "usage" | "users">;
  readonly userQuotas: Quotas;
}

export interface UserContext extends SelfContext {
  readonly store: Pick<Store, "apps" | "collaborators" | "tokens" | "usage" | "users">;
  readonly now: () => Date;
}

export function userRoutes(context: UserContext): Route[] {
  return [...selfRoutes(context), ...accountRoutes(context), ...accountChangeRoutes(context.store)];
}

function selfRoutes(context: SelfContext): Route[] {
  const self = async (user: User) => {
    const { id, username, email, fullname } = user;
    const quotas = presentQuotas(await context.store.usage.of(id), quotasOf(context, user));
    return { user: { id, username, email, fullname, flags: {}, quotas } };
  };
  return [
    route({
      method: "get",
      path: "/users/self",
      summary: "Show the user of the bearer token, and what of the quotas is used",
      access: "account:use",
      answer: { status: 200, json: selfAnswer },
      handle: ({ user }) => self(user),
    }),
    route({
      method: "patch",
      path: "/users/self",
      summary: "Change the user's own full name or password",
      access: "account:use",
      body: changeSelfRequest,
      answer: { status: 200, json: selfAnswer },
      async handle(input) {
        const { fullname, password, current_password: current } = input.body.user;
        if (password !== undefined) await checkCurrentPassword(context, input, current);
        return self(await changeAccount(context.store, input.user.id, { fullname, password }));
      },
    }),
  ];
}

function accountRoutes({ store, now }: Pick<UserContext, "store" | "now">): Route[] {
  return [
    route({
      method: "post",
      path: "/users",
      summary: "Create a user",
      access: "users:manage",
      body: createUserRequest,
      answer: { status: 201, json: userAnswer },
      problems: [409],
      async handle({ body: { user: fields } }) {
        const user = await createAccount(store, { ...fields, password: fields.password ?? null }, now());
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
  ];
}

function accountChangeRoutes(store: UserContext["store"]): Route[] {
  return [
    route({
      method: "patch",
      path: "/users/:user",
      summary: "Change a user's email, full name, password or operator role",
      access: "users:manage",
      body: changeUserRequest,
      answer: { status: 200, json: userAnswer },
      problems: [409],
      async handle({ user, params, body }) {
        if (params.user === user.id && body.user.password !== undefined) throw ownPassword();
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

/**
 * A leaked token alone must not be enough to change the password, nor a leaked JWT to set the first one: the access would outlive
 * the API token behind the JWT.
 * @throws {SlipwayError} "invalid", "too-many-requests", or "forbidden" for a first password.
 */
async function checkCurrentPassword(
  { auth, limits }: PasswordContext,
  {
    request,
    response,
    user,
  }: Pick<RouteInput<string, "account:use", undefined, undefined>, "request" | "response" | "user">,
  current: string | undefined,
): Promise<void> {
  if (user.passwordHash === null) {
    if (grantedByOf(response) === null) return;
    throw firstPassword();
  }
  if (current === undefined) throw invalidField("current_password", "is required");
  const verified = await limitedPassword(limits, { request, response, account: user.id }, () =>
    auth.signIn(user.username, current),
  );
  if (verified === null) throw invalidField("current_password", "is wrong");
}

function firstPassword(): SlipwayError {
  return new SlipwayError(
    "forbidden",
    "neither a JWT nor an API token that it created can set the first password; send the API token itself as the bearer token",
  );
}

function ownPassword(): SlipwayError {
  return new SlipwayError("forbidden", "change your own password with PATCH /v1/users/self");
}
