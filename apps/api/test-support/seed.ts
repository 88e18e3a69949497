// Creates one resource of each kind that the API's paths name, for tests that call every route.

import { Readable } from "node:stream";
import { changeApp, sbomBlobKey } from "@slipway/core";
import type { SourceAnswer } from "@slipway/protocol";
import {
  aCollaborator,
  aLogChunk,
  aName,
  aNewDeployment,
  aNewRelease,
  aNotifier,
  aReceipt,
  aUser,
  aVariable,
  anApiToken,
  anApp,
  anOperation,
} from "@slipway/testkit";
import type { TestApi } from "./api.ts";

/** Values by the names of path parameters and required query parameters. */
export type Seed = Readonly<Record<string, string>>;

/** Creates new resources on each call. For PUT the signed URL uploads to an empty source; otherwise it downloads an uploaded archive. */
export async function seedFor(api: TestApi, method: string): Promise<Seed> {
  const { store } = api;
  const operator = await store.users.byUsername("admin");
  if (operator === null) throw new Error("the operator admin does not exist");
  const app = anApp({ name: aName(), ownerId: operator.id });
  await store.apps.create(app);
  const appId = app.id;
  const deployment = await store.deployments.create(aNewDeployment({ appId, ownerId: operator.id }));
  await store.logs.append(aLogChunk({ deploymentId: deployment.id, lines: ["one"] }));
  const receipt = aReceipt({ appId, deploymentId: deployment.id });
  await store.receipts.put(receipt);
  const sbom = Readable.from([Buffer.from("{}")]);
  await api.service.context.blobs.put(sbomBlobKey(appId, receipt.imageDigest), sbom);
  const { imageDigest } = receipt;
  await store.deployments.compareAndSet({ ...deployment, imageDigest, revision: deployment.revision + 1 });
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
  // The example body for adding a collaborator names this user.
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
  const { body } = await api.request(api.operatorToken, "POST", "/v1/sources", {});
  const { upload_url: upload, download_url: download } = (body as SourceAnswer).source;
  if (method !== "put") await fetch(upload, { method: "PUT", body: "archive" });
  const signed = new URL(method === "put" ? upload : download);
  return { ...Object.fromEntries(signed.searchParams), source: signed.pathname.split("/").at(-2) ?? "" };
}
