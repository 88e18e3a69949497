// /v1/apps/:app/variables: list, set, change, unset. They take effect with the next deployment.

import { randomUUID } from "node:crypto";
import type { Router } from "express";
import { SlipwayError, checkVariable, invalidField, notFound, variableLimits } from "@slipway/core";
import type { Store, Variable } from "@slipway/core";
import {
  changeVariableRequest,
  setVariableRequest,
  setVariablesRequest,
  unsetVariablesRequest,
} from "@slipway/protocol";
import type { VariableAnswer, VariablesAnswer } from "@slipway/protocol";
import { appOf } from "../middleware/load-app.ts";
import type { Platform } from "../platform.ts";
import { presentVariable } from "../presenters/variable.ts";
import { parseBody } from "../validate.ts";

interface Asked {
  readonly name: string;
  readonly value: string;
}

export function addVariableRoutes(router: Router, { store }: Platform): void {
  const { variables } = store;

  router.get("/apps/:app/variables", async (_request, response) => {
    const stored = await variables.list(appOf(response).id);
    response.json({ variables: stored.map(presentVariable) } satisfies VariablesAnswer);
  });

  router.put("/apps/:app/variables", async (request, response) => {
    const asked = parseBody(setVariablesRequest, request.body).variables;
    for (const [place, variable] of asked.entries()) checkAt(`variables.${place}.`, variable);
    if (new Set(asked.map(({ name }) => name)).size < asked.length) {
      throw invalidField("variables", "name one variable twice");
    }
    const stored = await set(store, appOf(response).id, asked);
    response.json({ variables: stored.map(presentVariable) } satisfies VariablesAnswer);
  });

  router.post("/apps/:app/variables", async (request, response) => {
    const asked = parseBody(setVariableRequest, request.body).variable;
    checkAt("", asked);
    const [stored] = await set(store, appOf(response).id, [asked]);
    if (stored === undefined) throw new SlipwayError("internal", "the store kept no variable");
    response.status(201).json({ variable: presentVariable(stored) } satisfies VariableAnswer);
  });

  router.patch("/apps/:app/variables/:variable", async (request, response) => {
    const { value } = parseBody(changeVariableRequest, request.body).variable;
    const appId = appOf(response).id;
    const known = await variables.get(appId, request.params.variable);
    if (known === null) throw notFound("variable");
    checkAt("", { name: known.name, value });
    const [stored] = await variables.set(appId, [{ ...known, value }]);
    response.json({ variable: presentVariable(stored ?? { ...known, value }) } satisfies VariableAnswer);
  });

  router.delete("/apps/:app/variables/:variable", async (request, response) => {
    const deleted = await variables.delete(appOf(response).id, [request.params.variable]);
    if (deleted === 0) throw notFound("variable");
    response.status(204).end();
  });

  // Ids that are not there are as gone as the caller wants them.
  router.delete("/apps/:app/variables", async (request, response) => {
    await variables.delete(appOf(response).id, parseBody(unsetVariablesRequest, request.body).variable_ids);
    response.status(204).end();
  });
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
