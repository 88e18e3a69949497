// Reads the lock files of uv, Poetry and Pipenv, and requirements. The platform determines which archive of a version is installed, so
// packages have no digests.

import { parse } from "smol-toml";
import { z } from "zod";
import type { Found, LockedPackage } from "./locked-package.ts";
import { parsed } from "./parsed.ts";

const tomlSchema = z.object({
  package: z
    .array(
      z.object({
        name: z.string(),
        version: z.string().optional(),
        source: z.record(z.string(), z.unknown()).optional(),
        optional: z.boolean().optional(),
      }),
    )
    .default([]),
});
const pipenvGroup = z.record(z.string(), z.object({ version: z.string().optional() })).default({});
const pipfileSchema = z.object({ default: pipenvGroup, develop: pipenvGroup });

/** `name==1.0`, with extras before it. Spaces are single ones: more would make the search take the square of their number. */
const pin = /^([A-Za-z0-9][\w.-]*) ?(?:\[[^\]]*\] ?)?===? ?([\w.!+-]+)$/;

/** The lock files of uv and of Poetry. Packages in the source itself are omitted. */
export function readTomlLock(text: string): Found {
  const lock = tomlSchema.safeParse(parsed(text, parse));
  if (!lock.success) return null;
  const entries = lock.data.package.filter(({ source = {} }) => !isSource(source));
  const packages = entries.flatMap(({ name, version, optional }): LockedPackage[] =>
    version === undefined ? [] : [pypi(name, version, optional === true ? "optional" : "required")],
  );
  return { packages, isComplete: packages.length === entries.length };
}

export function readPipfileLock(text: string): Found {
  const lock = pipfileSchema.safeParse(parsed(text, JSON.parse));
  if (!lock.success) return null;
  const { default: required, develop } = lock.data;
  const entries = [...withScope(required, "required"), ...withScope(develop, "excluded")];
  const packages = entries.flatMap(({ name, version = "", scope }): LockedPackage[] =>
    version.startsWith("==") ? [pypi(name, version.slice(2), scope)] : [],
  );
  return { packages, isComplete: packages.length === entries.length };
}

function withScope(group: z.output<typeof pipenvGroup>, scope: LockedPackage["scope"]) {
  return Object.entries(group).map(([name, { version }]) => ({ name, version, scope }));
}

/** @returns the requirements and options of a list, without comments. */
export function requirementLines(text: string): readonly string[] {
  const lines = text.replaceAll(/\\\r?\n/g, " ").split(/\r?\n/);
  return lines.map((line) => line.replace(/(^|\s)#.*/, "").trim()).filter((line) => line !== "");
}

/** Only requirements with an exact version are read, as in the output of `pip freeze`. */
export function readRequirements(text: string): Found {
  const lines = requirementLines(text).filter(
    (line) => !/^(?:--(?:index-url|extra-index-url|find-links|trusted-host)|-i|-f)\b/.test(line),
  );
  const packages = lines.flatMap((line): LockedPackage[] => {
    // The requirement without its marker and options.
    const [requirement = ""] = line.replaceAll(/\s+/g, " ").split(/ ?;| --/, 1);
    const match = pin.exec(requirement);
    return match === null ? [] : [pypi(match[1] ?? "", match[2] ?? "", "required")];
  });
  return { packages, isComplete: packages.length === lines.length };
}

/** Whether the package is the app itself, or a folder beside it. */
function isSource(source: Readonly<Record<string, unknown>>): boolean {
  return (
    ["virtual", "editable", "directory"].some((kind) => kind in source) || source["type"] === "directory"
  );
}

/** `Typing_Extensions` → `typing-extensions`: https://packaging.python.org/en/latest/specifications/name-normalization/ */
export function normalizedName(name: string): string {
  return name.toLowerCase().replaceAll(/[-_.]+/g, "-");
}

function pypi(name: string, version: string, scope: LockedPackage["scope"]): LockedPackage {
  return { type: "pypi", name: normalizedName(name), version, scope, sha512: null };
}
