// One socket.io session: handles its subscriptions, and sends events no faster than the client receives them.

import { toSlipwayError, SlipwayError } from "@slipway/core";
import type { App, Deployment, User } from "@slipway/core";
import type { Follower, FollowEvent, LogFeed } from "@slipway/logs";
import { subscribeRequest, unsubscribeRequest } from "@slipway/protocol";
import type { ClientEvents, SubscriptionAnswer } from "@slipway/protocol";
import type { Logger } from "@slipway/service";
import type { z } from "zod";
import type { Authorization } from "./authorization.ts";
import type { ClientSocket } from "./client-socket.ts";
import { emitLog } from "./packets.ts";

type Subscribe = z.output<typeof subscribeRequest>;
type Acknowledge = Parameters<ClientEvents["subscribe"]>[1];

/** Dependencies that all sessions of the process share. */
export interface SessionContext {
  readonly authorization: Pick<Authorization, "reauthenticate" | "app" | "deployment">;
  readonly feed: Pick<LogFeed, "follow">;
  readonly logger: Logger;
}

interface Subscription {
  /** The app's id. */
  readonly app: string;
  /** The deployment's id; null for all deployments of the app. */
  readonly deployment: string | null;
  readonly follower: Follower;
}

export class SocketIoSession implements Disposable {
  readonly #context: SessionContext;
  readonly #socket: ClientSocket;
  readonly #maxSubscriptions: number;
  readonly #subscriptions = new Map<string, Subscription>();
  /** The completion of the last request. Requests are handled in order, so that the later of two conflicting requests wins. */
  #lastRequest: Promise<void> = Promise.resolve();
  #pendingRequests = 0;
  /** Set while the transport has a backlog; resolves when the backlog is sent. */
  #drained: PromiseWithResolvers<void> | undefined;

  constructor(context: SessionContext, socket: ClientSocket, maxSubscriptions: number) {
    this.#context = context;
    this.#socket = socket;
    this.#maxSubscriptions = maxSubscriptions;
    socket.conn.on("drain", () => this.#release());
    socket.on("subscribe", (request, acknowledge) =>
      this.#enqueue(acknowledge, () => this.#subscribe(request, acknowledge)),
    );
    socket.on("unsubscribe", (request, acknowledge) =>
      this.#enqueue(acknowledge, () => this.#unsubscribe(request, acknowledge)),
    );
  }

  get user(): User {
    return this.#socket.data.user;
  }

  get unfinished(): boolean {
    return this.#subscriptions.values().some(({ follower }) => follower.unfinished);
  }

  /**
   * Reloads the user and ends the subscriptions that the user is no longer authorized for.
   * @throws {SlipwayError} "unauthorized" when the token was revoked or the user deleted; another code when the check failed.
   */
  async recheck(): Promise<void> {
    const { data } = this.#socket;
    const { authorization } = this.#context;
    data.user = await authorization.reauthenticate(data.token);
    for (const [key, { app, deployment }] of this.#subscriptions) {
      try {
        await authorization.app(data.user, app);
      } catch (error) {
        if (toSlipwayError(error).fault !== "user") throw error;
        this.#end(key);
        this.#socket.emit("lost", { app, deployment, ...publicError(error) });
      }
    }
  }

  [Symbol.dispose](): void {
    for (const { follower } of this.#subscriptions.values()) follower.close();
    this.#subscriptions.clear();
    this.#release();
  }

  #enqueue(acknowledge: Acknowledge, handle: () => Promise<void>): void {
    if (this.#pendingRequests >= this.#maxSubscriptions) {
      reply(acknowledge, failed(tooManySubscriptions()));
      return;
    }
    this.#pendingRequests += 1;
    this.#lastRequest = this.#lastRequest
      .then(handle)
      .catch((error: unknown) => {
        const { fault } = toSlipwayError(error);
        if (fault !== "user") this.#context.logger.error({ err: error }, "a subscription request failed");
        reply(acknowledge, failed(error));
      })
      .finally(() => {
        this.#pendingRequests -= 1;
      });
  }

  async #subscribe(request: unknown, acknowledge: Acknowledge): Promise<void> {
    const options = parse(subscribeRequest, request);
    const { authorization } = this.#context;
    const app = await authorization.app(this.user, options.app);
    const deployment =
      options.deployment === undefined ? null : await authorization.deployment(app, options.deployment);
    const key = keyOf(app.id, deployment?.id);
    const isNew = !this.#subscriptions.has(key);
    if (isNew && this.#subscriptions.size >= this.#maxSubscriptions) throw tooManySubscriptions();
    if (this.#socket.disconnected) return;
    this.#subscriptions.get(key)?.follower.close();
    const ids = { app: app.id, deployment: deployment?.id ?? null };
    reply(acknowledge, { ok: true, ...ids });
    this.#subscriptions.set(key, { ...ids, follower: this.#follow(app, deployment, options) });
  }

  async #unsubscribe(request: unknown, acknowledge: Acknowledge): Promise<void> {
    const { app: idOrName, deployment } = parse(unsubscribeRequest, request);
    const app = await this.#context.authorization.app(this.user, idOrName);
    this.#end(keyOf(app.id, deployment));
    reply(acknowledge, { ok: true, app: app.id, deployment: deployment ?? null });
  }

  #follow(app: App, deployment: Deployment | null, { afterSeq = 0, afterStatus = 0 }: Subscribe): Follower {
    const only = deployment === null ? {} : { only: { deploymentId: deployment.id, afterSeq, afterStatus } };
    return this.#context.feed.follow(app.id, {
      ...only,
      send: (event) => this.#send(app.id, event),
      onDone: (done) => {
        this.#end(keyOf(app.id, done.id));
        const { logLineCount, logSha256: sha256 } = done;
        this.#socket.emit("end", {
          app: app.id,
          deployment: done.id,
          lineCount: logLineCount ?? 0,
          sha256,
        });
      },
      onFailure: (error) => {
        this.#context.logger.error({ err: error, app: app.id }, "a follower failed");
        this.#subscriptions.delete(keyOf(app.id, deployment?.id));
        this.#socket.emit("lost", { app: app.id, deployment: deployment?.id ?? null, ...publicError(error) });
      },
    });
  }

  #end(key: string): void {
    this.#subscriptions.get(key)?.follower.close();
    this.#subscriptions.delete(key);
  }

  /** @returns a promise while the transport has a backlog; the follower sends the next event when it resolves. */
  #send(app: string, event: FollowEvent): Promise<void> | undefined {
    if (this.#socket.disconnected) return undefined;
    this.#drained ??= Promise.withResolvers<void>();
    const { promise } = this.#drained;
    if (event.type === "new") this.#socket.emit("new", newOf(app, event.deployment));
    else if (event.type === "rewind") this.#socket.emit("rewind", rewindOf(app, event));
    else if (event.type === "phase") this.#socket.emit("phase", phaseOf(app, event));
    else if (event.type === "status") this.#socket.emit("status", statusOf(app, event));
    else emitLog(this.#socket, app, event);
    // An idle transport sends the event at once, and "drain" has already cleared `#drained`.
    return this.#drained === undefined ? undefined : promise;
  }

  #release(): void {
    this.#drained?.resolve();
    this.#drained = undefined;
  }
}

function newOf(app: string, { id, number, gitRef, createdAt, pusher }: Deployment) {
  return { app, deployment: id, number, gitRef, createdAt: createdAt.toISOString(), pusher };
}

function statusOf(app: string, { deploymentId, change, index }: FollowEvent & { type: "status" }) {
  const { status, attempt, at } = change;
  return { app, deployment: deploymentId, status, index, attempt, at: at.toISOString() };
}

function rewindOf(app: string, { deploymentId, afterSeq }: FollowEvent & { type: "rewind" }) {
  return { app, deployment: deploymentId, afterSeq };
}

function phaseOf(app: string, { deploymentId, phase }: FollowEvent & { type: "phase" }) {
  const { type: _type, deploymentId: _id, ...facts } = phase;
  return { app, deployment: deploymentId, ...facts };
}

function keyOf(appId: string, deploymentId: string | undefined): string {
  return `${appId} ${deploymentId ?? "*"}`;
}

/** @throws {SlipwayError} "invalid" with every problem in its message. */
function parse<Schema extends z.ZodType>(schema: Schema, request: unknown): z.output<Schema> {
  const result = schema.safeParse(request);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => [...path, message].join(": "));
  throw new SlipwayError("invalid", problems.join("; "));
}

function tooManySubscriptions(): SlipwayError {
  return new SlipwayError(
    "too-many-requests",
    "this connection has too many subscriptions: unsubscribe from another one first",
  );
}

/** The message of a user error is sent to the client. The message of any other error may contain internals, and is not sent. */
function publicError(thrown: unknown): { error: string; code: string } {
  const { code, fault, message } = toSlipwayError(thrown);
  return { code, error: fault === "user" ? message : "the server cannot answer now, try again later" };
}

function failed(thrown: unknown): SubscriptionAnswer {
  return { ok: false, ...publicError(thrown) };
}

/** Does nothing when the client requested no acknowledgement: the value in the acknowledgement's place may be anything. */
function reply(acknowledge: Acknowledge, value: SubscriptionAnswer): void {
  if (typeof acknowledge === "function") acknowledge(value);
}
