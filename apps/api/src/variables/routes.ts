// /v1/apps/:app/variables: list, set, change and unset variables. Containers read them when they start, so a change takes
// effect with the next deployment, restart or scaling.

import { randomUUID } from "node:crypto";
import { SlipwayError, checkVariable, invalidField, notFound, variableLimits } from "@slipway/core";
import type { Store, Variable, VariableScope } from "@slipway/core";
import {
  changeVariableRequest,
  setVariableRequest,
  setVariablesRequest,
  unsetVariablesRequest,
  variableAnswer,
  variablesAnswer,
} from "@slipway/protocol";
import { requireApp } from "../apps/require-app.ts";
import { route } from "../http/route.ts";
import type { Route } from "../http/route.ts";
import { presentVariable } from "./presenter.ts";

interface VariableFields {
  readonly name: string;
  readonly value: string;
  readonly scope?: VariableScope | undefined;
}

type VariableStores = Pick<Store, "apps" | "variables">;

export function variableRoutes(store: VariableStores): Route[] {
  return [...collectionRoutes(store), ...itemRoutes(store)];
}

function collectionRoutes(store: VariableStores): Route[] {
  const { variables } = store;
  return [
    route({
      method: "get",
      path: "/apps/:app/variables",
      summary: "List an app's variables, by name",
      access: "variables:read",
      answer: { status: 200, json: variablesAnswer },
      handle: async ({ app }) => ({ variables: (await variables.list(app.id)).map(presentVariable) }),
    }),
    route({
      method: "put",
      path: "/apps/:app/variables",
      summary: "Set several variables",
      access: "variables:write",
      body: setVariablesRequest,
      answer: { status: 200, json: variablesAnswer },
      async handle({ app, body: { variables: fields } }) {
        for (const [index, variable] of fields.entries()) checkFields(`variables.${index}.`, variable);
        if (new Set(fields.map(({ name }) => name)).size < fields.length) {
          throw invalidField("variables", "contains the same name twice");
        }
        return { variables: (await setVariables(store, app.id, fields)).map(presentVariable) };
      },
    }),
    route({
      method: "post",
      path: "/apps/:app/variables",
      summary: "Set a variable",
      access: "variables:write",
      body: setVariableRequest,
      answer: { status: 201, json: variableAnswer },
      async handle({ app, body: { variable: fields } }) {
        checkFields("", fields);
        const [stored] = await setVariables(store, app.id, [fields]);
        if (stored === undefined) throw new SlipwayError("internal", "the store returned no variable");
        return { variable: presentVariable(stored) };
      },
    }),
    // Ignores unknown ids: those variables are already unset.
    route({
      method: "delete",
      path: "/apps/:app/variables",
      summary: "Unset several variables",
      access: "variables:write",
      body: unsetVariablesRequest,
      answer: { status: 204 },
      async handle({ app, body }) {
        await variables.delete(app.id, body.variable_ids);
      },
    }),
  ];
}

function itemRoutes(store: VariableStores): Route[] {
  const { variables } = store;
  return [
    route({
      method: "patch",
      path: "/apps/:app/variables/:variable",
      summary: "Change a variable's value and scope",
      access: "variables:write",
      body: changeVariableRequest,
      answer: { status: 200, json: variableAnswer },
      async handle({ app, params, body: { variable: fields } }) {
        const existing = await variables.get(app.id, params.variable);
        if (existing === null) throw notFound("variable");
        const next = { ...existing, value: fields.value, scope: fields.scope ?? existing.scope };
        checkFields("", next);
        const [stored] = await storeVariables(store, app.id, [next]);
        return { variable: presentVariable(stored ?? next) };
      },
    }),
    route({
      method: "delete",
      path: "/apps/:app/variables/:variable",
      summary: "Unset a variable",
      access: "variables:write",
      answer: { status: 204 },
      async handle({ app, params }) {
        const deleted = await variables.delete(app.id, [params.variable]);
        if (deleted === 0) throw notFound("variable");
      },
    }),
  ];
}

async function setVariables(
  store: VariableStores,
  appId: string,
  fields: readonly VariableFields[],
): Promise<Variable[]> {
  const scopes = new Map((await store.variables.list(appId)).map(({ name, scope }) => [name, scope]));
  for (const { name, scope = scopes.get(name) ?? "both" } of fields) scopes.set(name, scope);
  if (scopes.size > variableLimits.perApp) {
    throw invalidField("variables", `would exceed ${variableLimits.perApp}, the maximum per app`);
  }
  return storeVariables(
    store,
    appId,
    fields.map(({ name, value }) => ({
      id: randomUUID(),
      appId,
      name,
      value,
      scope: scopes.get(name) ?? "both",
    })),
  );
}

/** @throws {SlipwayError} "not-found" when the app was deleted during the request. */
async function storeVariables(
  store: VariableStores,
  appId: string,
  variables: readonly Variable[],
): Promise<Variable[]> {
  const stored = await store.variables.set(appId, variables);
  await requireApp(store, appId, () => store.variables.removeOfApp(appId));
  return stored;
}

/** @param prefix the variable's path in the body, which precedes field names in errors. */
function checkFields(prefix: string, { name, value }: VariableFields): void {
  try {
    checkVariable(name, value);
  } catch (error) {
    if (!(error instanceof SlipwayError) || error.fields === undefined) throw error;
    const prefixed = Object.entries(error.fields).map(([field, messages]) => [prefix + field, messages]);
    throw new SlipwayError("invalid", prefix + error.message, { fields: Object.fromEntries(prefixed) });
  }
}
