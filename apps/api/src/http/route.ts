// Describes a route as data (method, path, access, schemas, responses) and turns it into an Express handler.

import type { Request, RequestHandler, Response } from "express";
import type { z } from "zod";
import type { Permission } from "@slipway/auth";
import { SlipwayError } from "@slipway/core";
import type { App, User } from "@slipway/core";
import { ListInParts, sendListInParts } from "./list-in-parts.ts";
import { parseBody, parseQuery } from "./validate.ts";

type Method = "get" | "post" | "put" | "patch" | "delete";

/**
 * Who may call a route:
 * - a permission: a user who has it, with a bearer token
 * - "anyone": no authentication
 * - "credentials": the handler checks the credentials and applies rate limits itself
 * - "login": a user, with a user name and password or a bearer token
 * - "signed-url": anyone with the signed URL, which the handler checks
 */
export type Access = Permission | "anyone" | "credentials" | "login" | "signed-url";

/** A successful response: JSON of a schema, bytes of a content type, or no body. */
export type Answer =
  | { readonly status: number; readonly json: z.ZodType }
  | { readonly status: number; readonly type: string }
  | { readonly status: 204 };

/** The description of a route, without its handler. */
export interface RouteFacts {
  readonly method: Method;
  /** Below /v1, in Express syntax. The app of `/apps/:app` is loaded, and access to it checked, before the handler runs. */
  readonly path: string;
  /** One line for the API's documentation. */
  readonly summary: string;
  /** Further information for clients, in sentences. */
  readonly description?: string;
  readonly access: Access;
  readonly query?: z.ZodType;
  /** Descriptions of the request headers that the route reads. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: z.ZodType;
  /** Content type of a body that the handler reads as bytes. The request's own Content-Type is not checked. */
  readonly upload?: string;
  readonly answer: Answer;
  /** Further successful responses. */
  readonly otherAnswers?: readonly Answer[];
  /** Descriptions of response headers, besides those of every route. */
  readonly answerHeaders?: Readonly<Record<string, string>>;
  /** Whether clients poll the route: polls have their own rate limit. */
  readonly polled?: boolean;
  /** Error statuses, besides those that follow from access, path, query and body. */
  readonly problems?: readonly number[];
}

export interface Route extends RouteFacts {
  /** Runs after the route's guards. */
  readonly handler: RequestHandler<Record<string, string>>;
}

/** An authorized and parsed request. */
export interface RouteInput<Path extends string, Allowed extends Access, Query, Body> {
  readonly request: Request;
  readonly response: Response;
  readonly params: PathParams<Path>;
  readonly query: Query;
  readonly body: Body;
  readonly user: Allowed extends Permission | "login" ? User : undefined;
  readonly app: "app" extends keyof PathParams<Path> ? App : undefined;
}

type PathParams<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? { readonly [Key in Name]: string } & PathParams<Rest>
  : Path extends `${string}:${infer Name}`
    ? { readonly [Key in Name]: string }
    : unknown;

type Output<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined;
type AnswerBody<Success extends Answer> = Success extends { readonly json: infer Schema extends z.ZodType }
  ? z.input<Schema>
  : void;

/**
 * Defines a route. `handle` returns the body of a JSON response, or a long list in parts; it sends other content, and sets headers, through `response`. The error
 * middleware responds to the errors that it throws.
 */
export function route<
  const Path extends string,
  const Allowed extends Access,
  const Success extends Answer,
  Query extends z.ZodType | undefined = undefined,
  Body extends z.ZodType | undefined = undefined,
>(
  definition: RouteFacts & {
    readonly path: Path;
    readonly access: Allowed;
    readonly answer: Success;
    readonly query?: Query;
    readonly body?: Body;
    readonly handle: (
      input: RouteInput<Path, Allowed, Output<Query>, Output<Body>>,
    ) => Promise<AnswerBody<Success> | ListInParts<AnswerBody<Success>>>;
  },
): Route {
  const { handle, ...facts } = definition;
  return {
    ...facts,
    async handler(request, response) {
      const body = await handle({
        request,
        response,
        params: request.params,
        query: facts.query === undefined ? undefined : parseQuery(facts.query, request.query),
        body: facts.body === undefined ? undefined : parseBody(facts.body, request.body),
        user: response.locals["user"],
        app: response.locals["app"],
      } as RouteInput<Path, Allowed, Output<Query>, Output<Body>>);
      if (body instanceof ListInParts) await sendListInParts(response, facts.answer.status, body);
      else send(response, facts.answer, body);
    },
  };
}

/** Whether a route requires a permission. */
export function isPermission(access: Access): access is Permission {
  return !["anyone", "credentials", "login", "signed-url"].includes(access);
}

function send(response: Response, answer: Answer, body: unknown): void {
  if ("json" in answer) response.status(answer.status).json(body);
  else if (!("type" in answer)) response.status(answer.status).end();
  else if (!response.headersSent) {
    throw new SlipwayError("internal", "the route handler sent no response");
  }
}
