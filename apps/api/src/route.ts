// A route of the API as data: what it is, who may ask, what it reads and answers, and what it does.

import type { Request, RequestHandler, Response } from "express";
import type { z } from "zod";
import type { Permission } from "@slipway/auth";
import { SlipwayError } from "@slipway/core";
import type { App, User } from "@slipway/core";
import { parseBody, parseQuery } from "./validate.ts";

type Method = "get" | "post" | "put" | "patch" | "delete";

/**
 * Who may ask: a signed-in user with a permission, or "anyone". A "credentials" route is for signing in, and checks and counts what
 * it is given itself; a "login" route takes a user name and password as well as a bearer; a "signed-url" route lets in whoever has the
 * URL.
 */
export type Access = Permission | "anyone" | "credentials" | "login" | "signed-url";

/** What a request is answered with when all is well: JSON of a schema, bytes of a content type, or nothing. */
export type Answer =
  | { readonly status: number; readonly json: z.ZodType }
  | { readonly status: number; readonly type: string }
  | { readonly status: 204 };

/** What every route says of itself, whatever its types. */
export interface RouteFacts {
  readonly method: Method;
  /** Below /v1, as Express reads it. `/apps/:app` is found, and its use allowed, before the route runs. */
  readonly path: string;
  /** One line for the API's documentation. */
  readonly summary: string;
  readonly access: Access;
  readonly query?: z.ZodType;
  /** Request headers that it heeds, with what they are for. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: z.ZodType;
  /** Content type of a body that the route reads by itself, as bytes; whatever type a client names. */
  readonly upload?: string;
  readonly answer: Answer;
  /** How it is answered otherwise when all is well. */
  readonly otherAnswers?: readonly Answer[];
  /** Headers of its answers, with what they say, besides those of every route. */
  readonly answerHeaders?: Readonly<Record<string, string>>;
  /** Whether clients ask for it again and again: such requests have a limit of their own. */
  readonly polled?: boolean;
  /** Statuses of its own refusals, besides those that follow from access, path, query and body. */
  readonly problems?: readonly number[];
}

export interface Route extends RouteFacts {
  /** Runs behind authentication, permission and the reading of the body. */
  readonly handler: RequestHandler<Record<string, string>>;
}

/** A request that has come through: parsed, and allowed. */
export interface Asked<Path extends string, Who extends Access, Query, Body> {
  readonly request: Request;
  readonly response: Response;
  readonly params: PathParams<Path>;
  readonly query: Query;
  readonly body: Body;
  readonly user: Who extends Permission | "login" ? User : undefined;
  readonly app: "app" extends keyof PathParams<Path> ? App : undefined;
}

type PathParams<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? { readonly [Key in Name]: string } & PathParams<Rest>
  : Path extends `${string}:${infer Name}`
    ? { readonly [Key in Name]: string }
    : unknown;

type Output<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined;
type Told<Of extends Answer> = Of extends { readonly json: infer Schema extends z.ZodType }
  ? z.input<Schema>
  : void;

/**
 * A route. `handle` returns the body of a JSON answer; for any other content it writes to the response itself, and to set
 * headers too. What it throws is answered by the error middleware.
 */
export function route<
  const Path extends string,
  const Who extends Access,
  const Of extends Answer,
  Query extends z.ZodType | undefined = undefined,
  Body extends z.ZodType | undefined = undefined,
>(
  definition: RouteFacts & {
    readonly path: Path;
    readonly access: Who;
    readonly answer: Of;
    readonly query?: Query;
    readonly body?: Body;
    readonly handle: (asked: Asked<Path, Who, Output<Query>, Output<Body>>) => Promise<Told<Of>>;
  },
): Route {
  const { handle, ...facts } = definition;
  return {
    ...facts,
    async handler(request, response) {
      const told = await handle({
        request,
        response,
        params: request.params,
        query: facts.query === undefined ? undefined : parseQuery(facts.query, request.query),
        body: facts.body === undefined ? undefined : parseBody(facts.body, request.body),
        user: response.locals["user"],
        app: response.locals["app"],
      } as Asked<Path, Who, Output<Query>, Output<Body>>);
      send(response, facts.answer, told);
    },
  };
}

/** Whether a route is for signed-in users with a permission. */
export function isPermission(access: Access): access is Permission {
  return !["anyone", "credentials", "login", "signed-url"].includes(access);
}

function send(response: Response, answer: Answer, told: unknown): void {
  if ("json" in answer) response.status(answer.status).json(told);
  else if (!("type" in answer)) response.status(answer.status).end();
  else if (!response.headersSent) {
    throw new SlipwayError("internal", "the route answered nothing");
  }
}
