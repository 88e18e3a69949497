// Notifiers and their deliveries in SQLite.

import type {
  Delivery,
  DeliveryAttempt,
  DeliveryStore,
  NotifiableEvent,
  Notifier,
  NotifierStore,
  NotifierTarget,
} from "@slipway/core";
import { time } from "./columns.ts";
import type { Database, Value } from "./database.ts";
import { conflictWhenTaken } from "./failures.ts";

interface NotifierRow {
  id: string;
  app_id: string;
  name: string;
  active: number;
  target: string;
  events: string | null;
  created_at: number;
  updated_at: number;
  revision: number;
}

interface DeliveryRow {
  id: string;
  notifier_id: string;
  app_id: string;
  deployment_id: string;
  event: Delivery["event"];
  state: Delivery["state"];
  attempts: string;
  created_at: number;
}

export const notifierQueries = {
  ofApp: "SELECT * FROM notifiers WHERE app_id = ? ORDER BY created_at, id",
  appIds: "SELECT DISTINCT app_id FROM notifiers",
  deliveries: "SELECT * FROM deliveries WHERE notifier_id = ? ORDER BY created_at DESC, id DESC LIMIT ?",
  deliveriesBefore: "SELECT id FROM deliveries WHERE created_at < ? ORDER BY created_at LIMIT ?",
} as const;

export function notifierStore(database: Database): NotifierStore {
  const many = (sql: string, ...values: Value[]) =>
    database.read((transaction) => transaction.all<NotifierRow>(sql, ...values).map(notifierFrom));
  const change = (sql: string, ...values: Value[]) =>
    database.write((transaction) => transaction.run(sql, ...values));
  return {
    create: (notifier) => conflictWhenTaken(insert(database, notifier), "the notifier's id is taken"),
    get: async (appId, id) =>
      (await many("SELECT * FROM notifiers WHERE id = ? AND app_id = ?", id, appId))[0] ?? null,
    ofApp: (appId) => many(notifierQueries.ofApp, appId),
    appIds: () =>
      database.read((transaction) =>
        transaction.all<{ app_id: string }>(notifierQueries.appIds).map((row) => row.app_id),
      ),
    compareAndSet: async (next) =>
      (await change(
        `UPDATE notifiers SET name = ?, active = ?, target = ?, events = ?, updated_at = ?, revision = ?
         WHERE id = ? AND revision = ?`,
        next.name,
        Number(next.active),
        JSON.stringify(next.target),
        eventsText(next),
        next.updatedAt.getTime(),
        next.revision,
        next.id,
        next.revision - 1,
      )) === 1,
    delete: async (appId, id) =>
      (await change("DELETE FROM notifiers WHERE id = ? AND app_id = ?", id, appId)) === 1,
    removeOfApp: async (appId) => {
      await change("DELETE FROM notifiers WHERE app_id = ?", appId);
    },
  };
}

export function deliveryStore(database: Database): DeliveryStore {
  const many = (sql: string, ...values: Value[]) =>
    database.read((transaction) => transaction.all<DeliveryRow>(sql, ...values).map(deliveryFrom));
  return {
    put: (delivery) => put(database, delivery),
    get: async (id) => (await many("SELECT * FROM deliveries WHERE id = ?", id))[0] ?? null,
    ofNotifier: (notifierId, limit) => many(notifierQueries.deliveries, notifierId, limit),
    removeBefore: (before, limit) =>
      database.write((transaction) =>
        transaction.run(
          `DELETE FROM deliveries WHERE id IN (${notifierQueries.deliveriesBefore})`,
          before.getTime(),
          limit,
        ),
      ),
    removeOfApp: (appId) =>
      database.write((transaction) => {
        transaction.run("DELETE FROM deliveries WHERE app_id = ?", appId);
      }),
  };
}

function insert(database: Database, notifier: Notifier): Promise<void> {
  return database.write((transaction) => {
    transaction.run(
      `INSERT INTO notifiers (id, app_id, name, active, target, events, created_at, updated_at, revision)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      notifier.id,
      notifier.appId,
      notifier.name,
      Number(notifier.active),
      JSON.stringify(notifier.target),
      eventsText(notifier),
      notifier.createdAt.getTime(),
      notifier.updatedAt.getTime(),
      notifier.revision,
    );
  });
}

function put(database: Database, delivery: Delivery): Promise<void> {
  const attempts = delivery.attempts.map(({ at, ...rest }) => ({ ...rest, at: at.getTime() }));
  return database.write((transaction) => {
    transaction.run(
      `INSERT INTO deliveries (id, notifier_id, app_id, deployment_id, event, state, attempts, created_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET state = excluded.state, attempts = excluded.attempts`,
      delivery.id,
      delivery.notifierId,
      delivery.appId,
      delivery.deploymentId,
      delivery.event,
      delivery.state,
      JSON.stringify(attempts),
      delivery.createdAt.getTime(),
    );
  });
}

function eventsText({ events }: Notifier): string | null {
  return events === null ? null : JSON.stringify(events);
}

function notifierFrom(row: NotifierRow): Notifier {
  return {
    id: row.id,
    appId: row.app_id,
    name: row.name,
    active: row.active === 1,
    target: JSON.parse(row.target) as NotifierTarget,
    events: row.events === null ? null : (JSON.parse(row.events) as NotifiableEvent[]),
    createdAt: time(row.created_at),
    updatedAt: time(row.updated_at),
    revision: row.revision,
  };
}

function deliveryFrom(row: DeliveryRow): Delivery {
  const attempts = JSON.parse(row.attempts) as (Omit<DeliveryAttempt, "at"> & { at: number })[];
  return {
    id: row.id,
    notifierId: row.notifier_id,
    appId: row.app_id,
    deploymentId: row.deployment_id,
    event: row.event,
    state: row.state,
    attempts: attempts.map((attempt) => Object.assign(attempt, { at: time(attempt.at) })),
    createdAt: time(row.created_at),
  };
}
