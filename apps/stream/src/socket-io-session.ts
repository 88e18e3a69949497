// One socket.io session: what it follows, and the events it is sent, no faster than it takes them.

import { toSlipwayError, SlipwayError } from "@slipway/core";
import type { App, Deployment, User } from "@slipway/core";
import type { Follower, FollowEvent } from "@slipway/logs";
import { subscribeRequest, unsubscribeRequest } from "@slipway/protocol";
import type { ClientEvents, SubscriptionAnswer } from "@slipway/protocol";
import type { z } from "zod";
import { appFor, deploymentOf, reauthenticateUser } from "./admission.ts";
import type { Platform } from "./platform.ts";
import type { ClientSocket } from "./client-socket.ts";

type Subscribe = z.output<typeof subscribeRequest>;
type Answer = Parameters<ClientEvents["subscribe"]>[1];

/** By the ids of the app and the deployment, null for all of the app. */
interface Followed {
  readonly app: string;
  readonly deployment: string | null;
  readonly follower: Follower;
}

export class SocketIoSession implements Disposable {
  readonly #platform: Platform;
  readonly #socket: ClientSocket;
  readonly #maxSubscriptions: number;
  readonly #followers = new Map<string, Followed>();
  /** Requests are served one after the other: of two for the same, the later one stands. */
  #served: Promise<void> = Promise.resolve();
  #waiting = 0;
  /** Set while something waits because the transport is busy; resolves when it has taken all of it. */
  #drained: PromiseWithResolvers<void> | undefined;

  constructor(platform: Platform, socket: ClientSocket, maxSubscriptions: number) {
    this.#platform = platform;
    this.#socket = socket;
    this.#maxSubscriptions = maxSubscriptions;
    socket.conn.on("drain", () => this.#release());
    socket.on("subscribe", (request, answer) => this.#serve(answer, () => this.#subscribe(request, answer)));
    socket.on("unsubscribe", (request, answer) =>
      this.#serve(answer, () => this.#unsubscribe(request, answer)),
    );
  }

  get user(): User {
    return this.#socket.data.user;
  }

  get unfinished(): boolean {
    return this.#followers.values().some(({ follower }) => follower.unfinished);
  }

  /**
   * Ends what the user may not follow any more. What is asked for from now on is asked by the user as they are now.
   * @throws {SlipwayError} "unauthorized" once they may follow nothing; another when that cannot be found out now.
   */
  async recheck(): Promise<void> {
    const { data } = this.#socket;
    data.user = await reauthenticateUser(this.#platform, data.token);
    for (const [key, { app, deployment }] of this.#followers) {
      try {
        await appFor(this.#platform, data.user, app);
      } catch (error) {
        this.#unlessOurs(error, () => {
          this.#end(key);
          this.#socket.emit("lost", { app, deployment, ...shown(error) });
        });
      }
    }
  }

  [Symbol.dispose](): void {
    for (const { follower } of this.#followers.values()) follower.close();
    this.#followers.clear();
    this.#release();
  }

  #serve(answer: Answer, work: () => Promise<void>): void {
    if (this.#waiting >= this.#maxSubscriptions) {
      reply(answer, failed(tooManyRequests()));
      return;
    }
    this.#waiting += 1;
    this.#served = this.#served
      .then(work)
      .catch((error: unknown) => {
        const { fault } = toSlipwayError(error);
        if (fault !== "user") this.#platform.logger.error({ err: error }, "a subscription failed");
        reply(answer, failed(error));
      })
      .finally(() => {
        this.#waiting -= 1;
      });
  }

  async #subscribe(request: unknown, answer: Answer): Promise<void> {
    const wanted = parsed(subscribeRequest, request);
    const app = await appFor(this.#platform, this.user, wanted.app);
    const deployment =
      wanted.deployment === undefined ? null : await deploymentOf(this.#platform, app, wanted.deployment);
    const key = keyOf(app.id, deployment?.id);
    if (!this.#followers.has(key) && this.#followers.size >= this.#maxSubscriptions) throw tooManyRequests();
    if (this.#socket.disconnected) return;
    this.#followers.get(key)?.follower.close();
    const place = { app: app.id, deployment: deployment?.id ?? null };
    reply(answer, { ok: true, ...place });
    this.#followers.set(key, { ...place, follower: this.#follow(app, deployment, wanted) });
  }

  async #unsubscribe(request: unknown, answer: Answer): Promise<void> {
    const { app: wanted, deployment } = parsed(unsubscribeRequest, request);
    const app = await appFor(this.#platform, this.user, wanted);
    this.#end(keyOf(app.id, deployment));
    reply(answer, { ok: true, app: app.id, deployment: deployment ?? null });
  }

  #follow(app: App, deployment: Deployment | null, { afterSeq = 0, afterStatus = 0 }: Subscribe): Follower {
    const only = deployment === null ? {} : { only: { deploymentId: deployment.id, afterSeq, afterStatus } };
    return this.#platform.feed.follow(app.id, {
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
        this.#platform.logger.error({ err: error, app: app.id }, "a follower failed");
        this.#followers.delete(keyOf(app.id, deployment?.id));
        this.#socket.emit("lost", { app: app.id, deployment: deployment?.id ?? null, ...shown(error) });
      },
    });
  }

  /** @throws the error when it is not the client's. */
  #unlessOurs(error: unknown, refuse: () => void): void {
    if (toSlipwayError(error).fault !== "user") throw error;
    refuse();
  }

  #end(key: string): void {
    this.#followers.get(key)?.follower.close();
    this.#followers.delete(key);
  }

  /** What the transport does not take at once, it buffers: nothing more is sent until it has taken that. */
  #send(app: string, event: FollowEvent): Promise<void> | undefined {
    if (this.#socket.disconnected) return undefined;
    this.#drained ??= Promise.withResolvers<void>();
    const { promise } = this.#drained;
    if (event.type === "new") this.#socket.emit("new", newOf(app, event.deployment));
    else if (event.type === "status") this.#socket.emit("status", statusOf(app, event));
    else {
      const { firstSeq: seq, text } = event.batch;
      this.#socket.emit("log", { app, deployment: event.deploymentId, seq, lines: text.split("\n") });
    }
    // a transport that was free has taken it meanwhile
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

function keyOf(appId: string, deploymentId: string | undefined): string {
  return `${appId} ${deploymentId ?? "*"}`;
}

/** @throws {SlipwayError} "invalid" that says what is wrong. */
function parsed<Schema extends z.ZodType>(schema: Schema, request: unknown): z.output<Schema> {
  const result = schema.safeParse(request);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => [...path, message].join(": "));
  throw new SlipwayError("invalid", problems.join("; "));
}

function tooManyRequests(): SlipwayError {
  return new SlipwayError(
    "too-many-requests",
    "this connection follows as much as it may: unsubscribe first",
  );
}

/** Of a client's own faults it is told what is wrong, of ours that something is. */
function shown(thrown: unknown): { error: string; code: string } {
  const { code, fault, message } = toSlipwayError(thrown);
  return { code, error: fault === "user" ? message : "the server cannot answer now, try again later" };
}

function failed(thrown: unknown): SubscriptionAnswer {
  return { ok: false, ...shown(thrown) };
}

/** A client may ask without wanting an answer. */
function reply(answer: Answer, value: SubscriptionAnswer): void {
  if (typeof answer === "function") answer(value);
}
