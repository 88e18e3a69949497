// Finds what notifiers have not been told yet: what happened lately to their apps' deployments becomes a job each. The store
// is asked again and again, so nothing is lost with a worker or with Redis.

import { eventsOf, wantsEvent } from "@slipway/core";
import type { Notifications } from "@slipway/queue";
import type { Platform } from "../platform.ts";

/** What is older was told, or nobody worked for so long that it is no notification any more. */
const reachMs = 30 * 60_000;
/** What was added by this process is not added again for so long; then it is, as Redis may have lost it. */
const rememberedMs = 60_000;

export class Announcer {
  readonly #platform: Pick<Platform, "store" | "now">;
  readonly #notifications: Pick<Notifications, "add">;
  readonly #added = new Set<string>();
  #forgetAt = 0;

  constructor(platform: Pick<Platform, "store" | "now">, notifications: Pick<Notifications, "add">) {
    this.#platform = platform;
    this.#notifications = notifications;
  }

  /** Idempotent, on any number of workers at once. */
  async announce(): Promise<void> {
    const { store, now } = this.#platform;
    const time = now().getTime();
    const since = new Date(time - reachMs);
    if (time >= this.#forgetAt) {
      this.#added.clear();
      this.#forgetAt = time + rememberedMs;
    }
    for (const appId of await store.notifiers.appIds()) await this.#announceApp(appId, since);
  }

  async #announceApp(appId: string, since: Date): Promise<void> {
    const { store } = this.#platform;
    const [notifiers, deployments] = await Promise.all([
      store.notifiers.ofApp(appId),
      store.deployments.recent(appId, since),
    ]);
    for (const deployment of deployments) {
      for (const happened of eventsOf(deployment).filter(({ at }) => at >= since)) {
        for (const notifier of notifiers.filter((each) => wantsEvent(each, happened))) {
          const deliveryId = `${notifier.id}.${happened.id}`;
          if (this.#added.has(deliveryId)) continue;
          const { event } = happened;
          await this.#notifications.add({
            deliveryId,
            appId,
            notifierId: notifier.id,
            deploymentId: deployment.id,
            event,
            at: happened.at.toISOString(),
          });
          this.#added.add(deliveryId);
        }
      }
    }
  }
}
