// An app's configuration variables, and the rules for their names and values.

import { invalidField } from "./errors.ts";

/** Where a variable is set: in builds, in releases with their hooks, or in both. */
export const variableScopes = ["both", "build", "run"] as const;
export type VariableScope = (typeof variableScopes)[number];

export interface Variable {
  readonly id: string;
  readonly appId: string;
  readonly name: string;
  readonly value: string;
  readonly scope: VariableScope;
}

export const variableLimits = { nameLength: 64, valueBytes: 8 * 1024, perApp: 500 } as const;

/** The variable with the logins of registries that images are copied from. Neither builds nor releases get it. */
export const imageRegistryAuth = "IMAGE_REGISTRY_AUTH";

/** Names that a POSIX shell accepts. */
const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** @throws {SlipwayError} "invalid" with the field and the rule. */
export function checkVariable(name: string, value: string): void {
  if (!variableName.test(name) || name.length > variableLimits.nameLength) {
    throw invalidField(
      "name",
      `must be a letter or _ followed by letters, digits or _, at most ${variableLimits.nameLength} characters`,
    );
  }
  if (new TextEncoder().encode(value).length > variableLimits.valueBytes) {
    throw invalidField("value", `is longer than ${variableLimits.valueBytes} bytes`);
  }
  if (value.includes("\0")) throw invalidField("value", "contains a NUL character");
}

/** The values by name of the variables that builds, or releases, get. */
export function variablesFor(
  what: Exclude<VariableScope, "both">,
  variables: readonly Pick<Variable, "name" | "value" | "scope">[],
): Readonly<Record<string, string>> {
  const given = variables.filter(
    ({ name, scope }) => name !== imageRegistryAuth && (scope === "both" || scope === what),
  );
  return Object.fromEntries(given.map(({ name, value }) => [name, value]));
}
