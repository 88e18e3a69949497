// Collaborators in SQLite.

import type { Collaborator, CollaboratorRole, CollaboratorStore } from "@slipway/core";
import { time } from "./columns.ts";
import type { Database } from "./database.ts";
import { conflictWhenTaken } from "./failures.ts";

interface CollaboratorRow {
  id: string;
  app_id: string;
  user_id: string;
  role: CollaboratorRole;
  created_at: number;
}

export const collaboratorQueries = {
  find: "SELECT * FROM collaborators WHERE app_id = ? AND user_id = ?",
  ofApp: "SELECT * FROM collaborators WHERE app_id = ? ORDER BY created_at, id",
  ofUser: "SELECT * FROM collaborators WHERE user_id = ? ORDER BY created_at, id",
} as const;

export function collaboratorStore(database: Database): CollaboratorStore {
  const many = (sql: string, ...values: string[]) =>
    database.read((transaction) => transaction.all<CollaboratorRow>(sql, ...values).map(collaboratorFrom));
  const change = (sql: string, ...values: string[]) =>
    database.write((transaction) => transaction.run(sql, ...values));
  return {
    create: (collaborator) =>
      conflictWhenTaken(insert(database, collaborator), "the user collaborates on the app already"),
    get: async (appId, id) =>
      (await many("SELECT * FROM collaborators WHERE id = ? AND app_id = ?", id, appId))[0] ?? null,
    find: async (appId, userId) => (await many(collaboratorQueries.find, appId, userId))[0] ?? null,
    ofApp: (appId) => many(collaboratorQueries.ofApp, appId),
    ofUser: (userId) => many(collaboratorQueries.ofUser, userId),
    setRole: async (appId, id, role) =>
      (await change("UPDATE collaborators SET role = ? WHERE id = ? AND app_id = ?", role, id, appId)) === 1,
    delete: async (appId, id) =>
      (await change("DELETE FROM collaborators WHERE id = ? AND app_id = ?", id, appId)) === 1,
    removeOfApp: async (appId) => {
      await change("DELETE FROM collaborators WHERE app_id = ?", appId);
    },
    removeOfUser: async (userId) => {
      await change("DELETE FROM collaborators WHERE user_id = ?", userId);
    },
  };
}

function insert(database: Database, collaborator: Collaborator): Promise<void> {
  return database.write((transaction) => {
    transaction.run(
      "INSERT INTO collaborators (id, app_id, user_id, role, created_at) VALUES (?, ?, ?, ?, ?)",
      collaborator.id,
      collaborator.appId,
      collaborator.userId,
      collaborator.role,
      collaborator.createdAt.getTime(),
    );
  });
}

function collaboratorFrom(row: CollaboratorRow): Collaborator {
  return {
    id: row.id,
    appId: row.app_id,
    userId: row.user_id,
    role: row.role,
    createdAt: time(row.created_at),
  };
}
