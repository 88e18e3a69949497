// Adds one job for each recent deployment event and each notifier. It reads the store periodically, so no event is lost when a
// worker or Redis fails.

import { eventsOf, wantsEvent } from "@slipway/core";
import type { Store } from "@slipway/core";
import type { Notifications } from "@slipway/queue";

/** Older events are not announced: they were already delivered, or would arrive too late to be useful. */
const reachMs = 30 * 60_000;
/** How long this process does not add the same job again. Afterwards it does, in case Redis has lost the job. */
const rememberedMs = 60_000;

export interface AnnouncerContext {
  readonly store: Pick<Store, "notifiers" | "deployments">;
  readonly now: () => Date;
}

export class Announcer {
  readonly #context: AnnouncerContext;
  readonly #notifications: Pick<Notifications, "add">;
  readonly #added = new Set<string>();
  #forgetAt = 0;

  constructor(context: AnnouncerContext, notifications: Pick<Notifications, "add">) {
    this.#context = context;
    this.#notifications = notifications;
  }

  /** Idempotent, on any number of workers at once. */
  async announce(): Promise<void> {
    const { store, now } = this.#context;
    const time = now().getTime();
    const since = new Date(time - reachMs);
    if (time >= this.#forgetAt) {
      this.#added.clear();
      this.#forgetAt = time + rememberedMs;
    }
    const appIds = await store.notifiers.appIds();
    for (const appId of await store.deployments.appsWithRecent(appIds, since))
      await this.#announceApp(appId, since);
  }

  async #announceApp(appId: string, since: Date): Promise<void> {
    const { store } = this.#context;
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
