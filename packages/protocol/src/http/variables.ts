// Request and response bodies for an app's variables. `checkVariable` of @slipway/core validates names and values.

import { z } from "zod";
import { variableScopes } from "@slipway/core";

/** Where the variable is set: in builds, in releases with their hooks, or in both. */
const scope = z.enum(variableScopes);
/** Without a scope, an existing variable keeps its scope, and a new one gets "both". */
const named = z.object({ name: z.string(), value: z.string(), scope: scope.optional() });

/** Clients may send an id, which is ignored: the name identifies the variable. */
export const setVariablesRequest = z
  .object({ variables: z.array(named) })
  .meta({ examples: [{ variables: [{ name: "GREETING", value: "hello" }] }] });
export const setVariableRequest = z
  .object({ variable: named })
  .meta({ examples: [{ variable: { name: "GREETING", value: "hello" } }] });
export const changeVariableRequest = z
  .object({ variable: z.object({ value: z.string(), scope: scope.optional() }) })
  .meta({ examples: [{ variable: { value: "good morning" } }] });
export const unsetVariablesRequest = z
  .object({ variable_ids: z.array(z.string()).max(1_000) })
  .meta({ examples: [{ variable_ids: ["5f0c7b1e-8e8f-4d1c-9a55-0d8a6b0f3c11"] }] });

export const variableBody = z.object({ id: z.string(), name: z.string(), value: z.string(), scope });

export const variableAnswer = z.object({ variable: variableBody });
export const variablesAnswer = z.object({ variables: z.array(variableBody) });

export type VariableBody = z.infer<typeof variableBody>;
export type VariableAnswer = z.infer<typeof variableAnswer>;
export type VariablesAnswer = z.infer<typeof variablesAnswer>;
