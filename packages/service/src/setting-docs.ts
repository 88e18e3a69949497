// The documentation of each environment variable, attached to its schema, from which docs/configuration.md, .env.example
// and docker-compose.yml are generated (`npm run config-docs`).

import { z } from "zod";

/** The sections of the documents, in order. */
export const settingTopics = {
  services: "State and services",
  addresses: "Addresses",
  access: "Access and rate limits",
  queue: "Workers and queue",
  builds: "Builds",
  releases: "Releases",
  processes: "Processes",
  compose: "docker-compose.yml",
} as const;

export interface SettingDoc {
  readonly topic: keyof typeof settingTopics;
  /** Plain sentences, in Markdown. Bounds and allowed values are derived from the schema and appended. */
  readonly description: string;
  readonly unit?: "ms" | "MiB";
  /** The effect when the variable is not set and the schema has no default value. */
  readonly unset?: string;
  /** The value that `npm start` sets when the variable is not given. */
  readonly npmStart?: string;
  /** A value for .env.example, where the schema has no default value. */
  readonly example?: string;
}

/** The documentation of settings, by schema. Several processes that read one variable share its schema, or one of them documents it. */
export const settingDocs = z.registry<SettingDoc>();
