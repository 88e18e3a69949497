// All environment variables of Slipway, with their documentation, from the schemas of the processes and the commands.

import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { settings as apiSettings } from "@slipway/api/config";
import { settings as routerSettings } from "@slipway/router/config";
import { type SettingDoc, settingDocs, settingTopics } from "@slipway/service";
import { commandSettings } from "@slipway/setup";
import { settings as streamSettings } from "@slipway/stream/config";
import { settings as workerSettings } from "@slipway/worker/config";
import { composeSettings } from "./compose-settings.ts";

/** The schemas by the processes and commands that read variables with them. The first schema of a variable documents its values. */
const schemas = {
  api: apiSettings,
  stream: streamSettings,
  router: routerSettings,
  worker: workerSettings,
  commands: commandSettings,
  compose: composeSettings,
} as const;

export type Reader = keyof typeof schemas;
export const processes = ["api", "stream", "router", "worker"] as const satisfies readonly Reader[];

export interface Variable {
  readonly name: string;
  readonly doc: SettingDoc;
  /** The default value as text, if the schema has one. */
  readonly fallback: string | undefined;
  /** Whether a process requires the variable to start. */
  readonly required: boolean;
  /** Allowed values and bounds, as sentences. */
  readonly bounds: readonly string[];
  readonly readers: readonly Reader[];
}

type Property = z.core.JSONSchema.BaseSchema;
interface Read {
  readonly reader: Reader;
  readonly property: Property;
  readonly doc: SettingDoc | undefined;
  readonly required: boolean;
}

const topics = Object.keys(settingTopics);
/** Upper bounds that every port and every whole number has; they are not documented. */
const trivialMaxima = new Set([65_535, Number.MAX_SAFE_INTEGER]);

/** All variables, by topic and name. Throws when schemas contradict each other, or no schema describes a variable. */
export function allVariables(given: Readonly<Partial<Record<Reader, z.ZodObject>>> = schemas): Variable[] {
  const reads = new Map<string, Read[]>();
  for (const [reader, schema] of Object.entries(given) as [Reader, z.ZodObject][]) {
    for (const [name, read] of readsOf(reader, schema)) reads.set(name, [...(reads.get(name) ?? []), read]);
  }
  const variables = Array.from(reads, ([name, all]) => variableOf(name, all));
  requireOwnDescriptions(variables);
  return variables.toSorted(
    (one, other) =>
      topics.indexOf(one.doc.topic) - topics.indexOf(other.doc.topic) || (one.name < other.name ? -1 : 1),
  );
}

function readsOf(reader: Reader, schema: z.ZodObject): [string, Read][] {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  return Object.entries(schema.shape).map(([name, setting]) => [
    name,
    {
      reader,
      property: properties[name] as Property,
      doc: settingDocs.get(setting),
      required: required.includes(name),
    },
  ]);
}

function variableOf(name: string, reads: readonly Read[]): Variable {
  const doc = only(
    `descriptions of ${name}`,
    reads.map((read) => read.doc),
  );
  if (doc === undefined) throw new Error(`No schema describes ${name}: register it with settingDocs.`);
  const fallback = only(
    `default values of ${name}`,
    reads.map(({ property }) => property.default),
  );
  return {
    name,
    doc,
    fallback: typeof fallback === "string" ? fallback : JSON.stringify(fallback),
    required: reads.some((read) => read.required),
    bounds: boundsOf(reads[0]?.property ?? {}),
    readers: reads.map((read) => read.reader),
  };
}

/** The value that the schemas define; undefined when no schema defines it. Throws when their values differ. */
function only<Value>(what: string, values: readonly (Value | undefined)[]): Value | undefined {
  const [first, ...others] = values.filter((value) => value !== undefined);
  if (others.every((other) => isDeepStrictEqual(other, first))) return first;
  throw new Error(`The schemas have different ${what}: let them share one.`);
}

/** Throws when one schema object is used for two variables: both would have the documentation that was registered last. */
function requireOwnDescriptions(variables: readonly Variable[]): void {
  for (const { name, doc } of variables) {
    const other = variables.find((one) => one.name !== name && isDeepStrictEqual(one.doc, doc));
    if (other !== undefined)
      throw new Error(`${name} and ${other.name} have one description: use two schemas.`);
  }
}

function boundsOf({ enum: allowed, minimum, maximum }: Property): string[] {
  return [
    ...(allowed === undefined
      ? []
      : [`One of ${allowed.map((value) => `\`${String(value)}\``).join(", ")}.`]),
    ...(minimum === undefined || minimum <= 1 ? [] : [`At least ${minimum}.`]),
    ...(maximum === undefined || trivialMaxima.has(maximum) ? [] : [`At most ${maximum}.`]),
  ];
}
