import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { changeStatus, claim, sbomBlobKey } from "@slipway/core";
import { receiptSigner } from "@slipway/receipts";
import { aNewDeployment, aReceipt, aReceiptKey, lacksRedis, testTime } from "@slipway/testkit";
import { startTestApi } from "../../test-support/api.ts";
import type { TestApi, TestUser } from "../../test-support/api.ts";

const imageDigest = "sha256:0a";
const options = { at: testTime, lineCount: 0 };
const envelope = (sig: string) => ({
  payloadType: "application/vnd.in-toto+json",
  payload: "e30=",
  signatures: [{ keyid: "k", sig }],
});

describe.skipIf(await lacksRedis())("receipts", () => {
  let api: TestApi;
  let ada: TestUser;

  beforeAll(async () => {
    api = await startTestApi();
    ada = await api.newUser();
  });
  afterAll(() => api[Symbol.asyncDispose]());

  const newApp = () => api.createApp(ada.token);
  /** Starts a deployment with the image `imageDigest`. */
  const started = async (appId: string) => {
    const created = await api.store.deployments.create(aNewDeployment({ appId }));
    const steps = [
      claim(created, 1, options),
      (one: typeof created) => changeStatus(one, "pushing", options),
      (one: typeof created) => changeStatus(one, "starting", { ...options, facts: { imageDigest } }),
      (one: typeof created) => changeStatus(one, "success", options),
    ];
    let deployment = created;
    for (const step of steps) {
      deployment = typeof step === "function" ? step(deployment) : step;
      expect(await api.store.deployments.compareAndSet(deployment)).toBe(true);
    }
    return deployment;
  };
  const receiptOf = (appId: string, id: string, token = ada.token) =>
    api.request(token, "GET", `/v1/apps/${appId}/deployments/${id}/receipt`);

  test("a deployment has the receipt of its image, not that of another image which it built", async () => {
    const { id: appId } = await newApp();
    const { id: deploymentId } = await started(appId);
    const missing = await receiptOf(appId, deploymentId);
    expect([missing.status, missing.body]).toMatchObject([404, { resource: "receipt" }]);
    const own = aReceipt({ appId, deploymentId, imageDigest, envelope: JSON.stringify(envelope("own")) });
    const discarded = { ...own, imageDigest: "sha256:0b", envelope: JSON.stringify(envelope("discarded")) };
    for (const receipt of [own, discarded]) await api.store.receipts.put(receipt);
    expect((await receiptOf(appId, deploymentId)).body).toEqual(envelope("own"));
  });

  test("a deployment of an earlier release has the receipt of the build of its image", async () => {
    const { id: appId } = await newApp();
    const again = await started(appId);
    const receipt = aReceipt({ appId, imageDigest, envelope: JSON.stringify(envelope("built")) });
    await api.store.receipts.put(receipt);
    expect((await receiptOf(appId, again.id)).body).toEqual(envelope("built"));
  });

  test("a deployment without an image has no receipt", async () => {
    const { id: appId } = await newApp();
    const { id } = await api.store.deployments.create(aNewDeployment({ appId }));
    await api.store.receipts.put(aReceipt({ appId }));
    expect((await receiptOf(appId, id)).status).toBe(404);
  });

  test("an image's SBOM is the one that its build stored", async () => {
    const { id: appId } = await newApp();
    const { id } = await started(appId);
    const sbomOf = () => api.request(ada.token, "GET", `/v1/apps/${appId}/deployments/${id}/sbom`);
    expect(await sbomOf()).toMatchObject({
      status: 404,
      body: {
        resource: "sbom",
        error:
          "The deployment has no SBOM: its source has no lock file that can be read, or its image was removed or could not be read.",
      },
    });
    const { blobs } = api.service.context;
    await blobs.put(sbomBlobKey(appId, imageDigest), Readable.from([Buffer.from('{"components":[]}')]));
    const { status, text } = await sbomOf();
    expect([status, text]).toEqual([200, '{"components":[]}']);
  });

  test("the SBOM of a deployment that runs is not made yet", async () => {
    const { id: appId } = await newApp();
    const created = await api.store.deployments.create(aNewDeployment({ appId }));
    const sbomOf = () => api.request(ada.token, "GET", `/v1/apps/${appId}/deployments/${created.id}/sbom`);
    const notYet = { status: 404, body: { error: "The deployment has no SBOM: it is not made yet." } };
    expect(await sbomOf()).toMatchObject(notYet);
    let deployment = claim(created, 1, options);
    expect(await api.store.deployments.compareAndSet(deployment)).toBe(true);
    deployment = changeStatus(deployment, "pushing", options);
    expect(await api.store.deployments.compareAndSet(deployment)).toBe(true);
    deployment = changeStatus(deployment, "starting", { ...options, facts: { imageDigest } });
    expect(await api.store.deployments.compareAndSet(deployment)).toBe(true);
    expect(await sbomOf()).toMatchObject(notYet);
  });

  test("the keys are listed for everyone, as PEM and as JWK", async () => {
    const { keyId, publicPem } = receiptSigner("a".repeat(64));
    await api.store.receipts.addKey(aReceiptKey({ id: keyId, publicPem }));
    const { status, body } = await api.request(null, "GET", "/v1/receipt_keys");
    expect(status).toBe(200);
    expect(body).toEqual({
      receipt_keys: [
        {
          id: keyId,
          created_at: testTime.toISOString(),
          pem: publicPem,
          jwk: { kty: "EC", crv: "P-256", x: expect.any(String), y: expect.any(String) },
        },
      ],
    });
  });
});
