// Turns what zod finds wrong with a request into the fields that a 422 names.

import type { z } from "zod";
import { SlipwayError } from "@slipway/core";

/** @throws {SlipwayError} "invalid" that names every wrong field. */
export function parseBody<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  return parse(schema, body ?? {}, "body");
}

/** As `parseBody`. What is given twice comes as a list, so a schema of texts refuses it. */
export function parseQuery<Schema extends z.ZodType>(schema: Schema, query: unknown): z.output<Schema> {
  return parse(schema, query, "query");
}

function parse<Schema extends z.ZodType>(schema: Schema, input: unknown, whole: string): z.output<Schema> {
  const parsed = schema.safeParse(input, { error: messageFor });
  // What the schema leaves out may be as deep as it likes, so only what it took is looked through.
  const issues = parsed.success ? illFormed(parsed.data) : parsed.error.issues;
  if (parsed.success && issues.length === 0) return parsed.data;
  const fields: Record<string, string[]> = {};
  for (const issue of issues) (fields[fieldAt(issue.path, whole)] ??= []).push(issue.message);
  const [field, messages] = Object.entries(fields)[0] ?? [whole, ["is not valid"]];
  throw new SlipwayError("invalid", `${field} ${messages[0] ?? "is not valid"}`, { fields });
}

interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** Texts with half a surrogate pair, which JSON can escape: databases, terminals and shells each make something else of them. */
function illFormed(value: unknown, path: readonly PropertyKey[] = []): readonly Issue[] {
  if (typeof value === "string")
    return value.isWellFormed() ? [] : [{ path, message: "is not well-formed text" }];
  if (typeof value !== "object" || value === null) return [];
  const placeOf = (key: string) => (Array.isArray(value) ? Number(key) : key);
  return Object.entries(value).flatMap(([key, inner]) => illFormed(inner, [...path, placeOf(key)]));
}

/** A field goes by its name within the document: `name`, not `app.name`; an entry of a list with its place. */
function fieldAt(path: readonly PropertyKey[], whole: string): string {
  const within = typeof path[1] === "string" ? path.slice(1) : path;
  return within.length === 0 ? whole : within.map(String).join(".");
}

function messageFor(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code !== "invalid_type") return undefined;
  if (issue.input === undefined) return "is required";
  return `must be ${/^[aeiou]/.test(issue.expected) ? "an" : "a"} ${issue.expected}`;
}
