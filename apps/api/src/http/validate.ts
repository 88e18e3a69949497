// Validates request bodies and queries; turns zod's issues into the field errors of a 422.

import type { z } from "zod";
import { SlipwayError } from "@slipway/core";

/** @throws {SlipwayError} "invalid" that names every invalid field. */
export function parseBody<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  return parse(schema, body ?? {}, "body");
}

/** Like `parseBody`. Express parses a repeated parameter as an array, which a string schema rejects. */
export function parseQuery<Schema extends z.ZodType>(schema: Schema, query: unknown): z.output<Schema> {
  return parse(schema, query, "query");
}

function parse<Schema extends z.ZodType>(schema: Schema, input: unknown, whole: string): z.output<Schema> {
  const parsed = schema.safeParse(input, { error: messageFor });
  // Searches only the parsed data, because the schema bounds its depth; the depth of the input is not bounded.
  const issues = parsed.success ? malformedStrings(parsed.data) : parsed.error.issues;
  if (parsed.success && issues.length === 0) return parsed.data;
  const fields: Record<string, string[]> = {};
  for (const issue of issues) (fields[fieldName(issue.path, whole)] ??= []).push(issue.message);
  const [field, messages] = Object.entries(fields)[0] ?? [whole, ["is not valid"]];
  throw new SlipwayError("invalid", `${field} ${messages[0] ?? "is not valid"}`, { fields });
}

interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** Strings with unpaired surrogates, which JSON can contain: databases, terminals and shells each treat them differently. */
function malformedStrings(value: unknown, path: readonly PropertyKey[] = []): readonly Issue[] {
  if (typeof value === "string")
    return value.isWellFormed() ? [] : [{ path, message: "is not well-formed text" }];
  if (typeof value !== "object" || value === null) return [];
  const segmentOf = (key: string) => (Array.isArray(value) ? Number(key) : key);
  return Object.entries(value).flatMap(([key, inner]) => malformedStrings(inner, [...path, segmentOf(key)]));
}

/** The field's path below the body's root key, for example `name` instead of `app.name`. Array items are named by index. */
function fieldName(path: readonly PropertyKey[], whole: string): string {
  const within = typeof path[1] === "string" ? path.slice(1) : path;
  return within.length === 0 ? whole : within.map(String).join(".");
}

function messageFor(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code !== "invalid_type") return undefined;
  if (issue.input === undefined) return "is required";
  return `must be ${/^[aeiou]/.test(issue.expected) ? "an" : "a"} ${issue.expected}`;
}
