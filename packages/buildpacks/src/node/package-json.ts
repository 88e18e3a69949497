// Reads an app's package.json, which may contain anything.

import { SlipwayError } from "@slipway/core";
import { z } from "zod";

const devEngine = z.object({ name: z.string(), version: z.string().catch("") });

/** The fields that decide how an app is built. A field of another type counts as missing, as it does for npm. */
const schema = z.looseObject({
  engines: z.record(z.string(), z.string().catch("")).catch({}),
  packageManager: z.string().optional().catch(undefined),
  devEngines: z
    .object({ packageManager: devEngine.or(z.array(devEngine)).optional().catch(undefined) })
    .catch({}),
  scripts: z.record(z.string(), z.string().catch("")).catch({}),
  main: z.string().optional().catch(undefined),
  workspaces: z.unknown().optional(),
});

export type PackageJson = z.output<typeof schema>;

/** @throws {SlipwayError} "build-failed" with the error in the file. */
export function parsePackageJson(text: string): PackageJson {
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    throw new SlipwayError("build-failed", `package.json is not valid JSON: ${(error as Error).message}`);
  }
  const parsed = schema.safeParse(value);
  if (Array.isArray(value) || !parsed.success)
    throw new SlipwayError("build-failed", "package.json is not a JSON object.");
  return parsed.data;
}
