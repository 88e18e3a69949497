// Parses a process's configuration with a schema. Reports all problems at once, without the values, which may be secrets.

import { SlipwayError } from "@slipway/core";
import type { z } from "zod";

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * @param environment usually `process.env`. An empty variable counts as not set.
 * @throws {SlipwayError} "configuration-invalid" with every invalid variable and its expected form, without its value.
 */
export function configFrom<Schema extends z.ZodType>(
  schema: Schema,
  environment: Environment,
): z.output<Schema> {
  const variables = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ""),
  );
  const parsed = schema.safeParse(variables, {
    error: (issue) => (issue.input === undefined ? "is required" : undefined),
  });
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `  ${issue.path.join(".")}: ${issue.message}`);
  throw new SlipwayError("configuration-invalid", `The configuration is invalid:\n${problems.join("\n")}`);
}
