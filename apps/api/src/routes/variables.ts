// /v1/apps/:app/variables: list, set, change, unset. They take effect when containers start: with the next deployment,
// restart or scaling.

import { randomUUID } from "node:crypto";
import { SlipwayError, checkVariable, invalidField, notFound, variableLimits } from "@slipway/core";
import type { Store, Variable } from "@slipway/core";
import {
  changeVariableRequest,
  setVariableRequest,
  setVariablesRequest,
  unsetVariablesRequest,
  variableAnswer,
  variablesAnswer,
} from "@slipway/protocol";
import type { Platform } from "../platform.ts";
import { presentVariable } from "../presenters/variable.ts";
import { route } from "../route.ts";
import type { Route } from "../route.ts";

interface Asked {
  readonly name: string;
  readonly value: string;
}

export function variableRoutes({ store }: Platform): Route[] {
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
      async handle({ app, body: { variables: asked } }) {
        for (const [place, variable] of asked.entries()) checkAt(`variables.${place}.`, variable);
        if (new Set(asked.map(({ name }) => name)).size < asked.length) {
          throw invalidField("variables", "name one variable twice");
        }
        return { variables: (await set(store, app.id, asked)).map(presentVariable) };
      },
    }),
    route({
      method: "post",
      path: "/apps/:app/variables",
      summary: "Set a variable",
      access: "variables:write",
      body: setVariableRequest,
      answer: { status: 201, json: variableAnswer },
      async handle({ app, body: { variable: asked } }) {
        checkAt("", asked);
        const [stored] = await set(store, app.id, [asked]);
        if (stored === undefined) throw new SlipwayError("internal", "the store kept no variable");
        return { variable: presentVariable(stored) };
      },
    }),
    route({
      method: "patch",
      path: "/apps/:app/variables/:variable",
      summary: "Change a variable's value",
      access: "variables:write",
      body: changeVariableRequest,
      answer: { status: 200, json: variableAnswer },
      async handle({ app, params, body: { variable: asked } }) {
        const known = await variables.get(app.id, params.variable);
        if (known === null) throw notFound("variable");
        const next = { ...known, value: asked.value };
        checkAt("", next);
        const [stored] = await variables.set(app.id, [next]);
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
    // Ids that are not there are as gone as the caller wants them.
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

async function set({ variables }: Store, appId: string, asked: readonly Asked[]): Promise<Variable[]> {
  const names = new Set((await variables.list(appId)).map(({ name }) => name));
  for (const { name } of asked) names.add(name);
  if (names.size > variableLimits.perApp) {
    throw invalidField("variables", `would be more than ${variableLimits.perApp}`);
  }
  return variables.set(
    appId,
    asked.map(({ name, value }) => ({ id: randomUUID(), appId, name, value })),
  );
}

/** @param prefix where in the body the variable stands, before the field's name. */
function checkAt(prefix: string, { name, value }: Asked): void {
  try {
    checkVariable(name, value);
  } catch (error) {
    if (!(error instanceof SlipwayError) || error.fields === undefined) throw error;
    const fields = Object.entries(error.fields).map(([field, messages]) => [prefix + field, messages]);
    throw new SlipwayError("invalid", prefix + error.message, { fields: Object.fromEntries(fields) });
  }
}
