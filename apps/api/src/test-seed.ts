// One of everything that the API's paths name, for tests that ask every route.

import { changeApp } from "@slipway/core";
import type { SourceAnswer } from "@slipway/protocol";
import {
  aCollaborator,
  aLogChunk,
  aName,
  aNewDeployment,
  aNewRelease,
  aNotifier,
  aUser,
  aVariable,
  anApiToken,
  anApp,
  anOperation,
} from "@slipway/testkit";
import type { TestApi } from "./test-api.ts";

/** Values by the names that paths and required queries have for them. */
export type Seed = Readonly<Record<string, string>>;

/** Things new with each call. What is signed is so for the method: a source without an archive to put one, else with one. */
export async function seedFor(api: TestApi, method: string): Promise<Seed> {
  const { store } = api;
  const operator = await store.users.byUsername("admin");
  if (operator === null) throw new Error("there is no operator");
  const app = anApp({ name: aName(), ownerId: operator.id });
  await store.apps.create(app);
  const appId = app.id;
  const deployment = await store.deployments.create(aNewDeployment({ appId, ownerId: operator.id }));
  await store.logs.append(aLogChunk({ deploymentId: deployment.id, lines: ["one"] }));
  const release = await store.releases.create(aNewRelease({ appId }));
  await store.apps.compareAndSet(changeApp(app, new Date(), { currentReleaseId: release.id }));
  const [operation, notifier, variable] = [
    anOperation({ appId }),
    aNotifier({ appId }),
    aVariable({ appId }),
  ];
  await store.operations.create(operation);
  await store.notifiers.create(notifier);
  await store.variables.set(appId, [variable]);
  const { user } = await api.newUser();
  const token = anApiToken({ userId: operator.id });
  await store.tokens.create(token);
  const collaborator = aCollaborator({ appId, userId: user.id });
  await store.collaborators.create(collaborator);
  // whom the example of a new collaborator names
  const grace = aUser({ email: "grace@example.com" });
  if ((await store.users.byEmail(grace.email)) === null) await store.users.create(grace);
  return {
    ...(await signedFor(api, method)),
    app: app.name,
    current_name: app.name,
    deployment: deployment.id,
    user: user.id,
    token: token.id,
    collaborator: collaborator.id,
    operation: operation.id,
    notifier: notifier.id,
    variable: variable.id,
  };
}

async function signedFor(api: TestApi, method: string): Promise<Seed> {
  const { body } = await api.ask(api.operatorToken, "POST", "/v1/sources", {});
  const { upload_url: upload, download_url: download } = (body as SourceAnswer).source;
  if (method !== "put") await fetch(upload, { method: "PUT", body: "archive" });
  const signed = new URL(method === "put" ? upload : download);
  return { ...Object.fromEntries(signed.searchParams), source: signed.pathname.split("/").at(-2) ?? "" };
}
