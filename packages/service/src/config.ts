// Reads a process's configuration: one schema, every problem reported at once, secrets never shown.

import { SlipwayError } from "@slipway/core";
import type { z } from "zod";

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * @param environment usually `process.env`; a variable set to the empty string counts as not set.
 * @throws {SlipwayError} "configuration-invalid" that lists every wrong variable and what it should be, never its value.
 */
export function configFrom<Schema extends z.ZodType>(
  schema: Schema,
  environment: Environment,
): z.output<Schema> {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ""),
  );
  const parsed = schema.safeParse(given, {
    error: (issue) => (issue.input === undefined ? "is required" : undefined),
  });
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `  ${issue.path.join(".")}: ${issue.message}`);
  throw new SlipwayError("configuration-invalid", `The configuration is not usable:\n${problems.join("\n")}`);
}
