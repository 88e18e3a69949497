// Receives route messages: sends requests to an app's new rollout, drains the former one, and confirms the cutover.

import { confirmCutover, routesChannel, subscribe } from "@slipway/bus";
import type { Bus } from "@slipway/bus";
import type { RouteMessage } from "@slipway/protocol";
import type { FastRoutes } from "./haproxy/fast-routes.ts";
import type { Routes } from "./routes.ts";

export interface CutoverOptions {
  readonly bus: Bus;
  /** This router's id. */
  readonly id: string;
  readonly routes: Routes;
  /** Null without HAProxy. */
  readonly fastRoutes: Pick<FastRoutes, "drainOthers"> | null;
  readonly onError: (error: unknown) => void;
}

/** Resolves when the router is subscribed. When Redis is unavailable it resolves at once and subscribes on reconnection. */
export async function followCutovers(options: CutoverOptions): Promise<AsyncDisposable> {
  const { bus, routes, onError } = options;
  /** Running cutovers by rollout, or by message if the message names no rollout. */
  const running = new Map<unknown, Promise<void>>();

  /**
   * The worker repeats its message until the cutover is confirmed. A repetition joins the running cutover. A message without a cutover is
   * always handled: a read that has begun may not see its change.
   */
  async function handle(message: RouteMessage): Promise<void> {
    const key = message.switch?.rolloutId ?? message;
    const work = running.get(key) ?? cutOver(options, message).catch(onError);
    running.set(key, work);
    await work;
    running.delete(key);
  }

  const subscription = await subscribe(bus, routesChannel, {
    onMessage: (message) => void handle(message).catch(onError),
    onError,
    // Messages published while the connection was down are lost.
    onConnected: () => routes.expireAll(),
  });
  return {
    async [Symbol.asyncDispose]() {
      await subscription[Symbol.asyncDispose]();
      await Promise.all(running.values());
    },
  };
}

async function cutOver(
  { bus, id, routes, fastRoutes }: CutoverOptions,
  message: RouteMessage,
): Promise<void> {
  const current = await routes.refreshApp(message.appId);
  if (message.switch === undefined || message.switch.rolloutId !== current) return;
  const { rolloutId, drainMs } = message.switch;
  await Promise.all([
    routes.drainOthers(message.appId, rolloutId, drainMs),
    fastRoutes?.drainOthers(message.appId, rolloutId, drainMs),
  ]);
  await confirmCutover(bus, rolloutId, id);
}
