// The documents about a build: its receipt, verified with the installation's public key, and its SBOM.

import { createHash, generateKeyPairSync } from "node:crypto";
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { expect, inject, test } from "vitest";
import { statementOf, verifyEnvelope } from "@slipway/receipts";
import type { Envelope } from "@slipway/receipts";
import { packTarGz } from "@slipway/testkit";
import { answering, inlineApp } from "./apps.ts";
import { layeredApp } from "./layered-app.ts";
import { call, createApp, deployed, ended, requestApi } from "./slipway.ts";

interface Keys {
  readonly receipt_keys: readonly { readonly id: string; readonly pem: string }[];
}
interface Releases {
  readonly releases: readonly { readonly image: string; readonly number: number }[];
}

const program = new URL("../../apps/cli/src/slipway.ts", import.meta.url).pathname;
const receiptPath = (app: string, id: string) => `/v1/apps/${app}/deployments/${id}/receipt`;

test("a build leaves a signed receipt that names its image, its source, its toolchain and what it reused", async () => {
  const app = await createApp("receipt");
  const first = await packTarGz(layeredApp("2.1.3"));
  const second = await packTarGz(layeredApp("2.1.3", { page: "BBBB" }));
  for (const [archive, reused] of [
    [first, false],
    [second, true],
  ] as const) {
    const { deployment, log } = await deployed(app.name, archive, "v1");
    expect({ status: deployment.status, log }).toMatchObject({ status: "success" });
    const envelope = await call<Envelope>("GET", receiptPath(app.name, deployment.id));
    const { receipt_keys: keys } = await call<Keys>("GET", "/v1/receipt_keys");
    expect(verifyEnvelope(envelope, [keys.at(-1)?.pem ?? ""])).toBe(keys.at(-1)?.id);
    const { subject, predicate } = statementOf(envelope);
    const { releases } = await call<Releases>("GET", `/v1/apps/${app.name}/releases`);
    expect(releases[0]?.image).toMatch(new RegExp(`@sha256:${subject[0].digest.sha256}$`));
    expect(await attachedTo(releases[0]?.image ?? "")).toEqual(envelope);
    const sbom = await call<object>("GET", `/v1/apps/${app.name}/deployments/${deployment.id}/sbom`);
    expect(sbom).toMatchObject({ bomFormat: "CycloneDX", components: [{ purl: "pkg:npm/ms@2.1.3" }] });
    expect(await attachedTo(releases[0]?.image ?? "", "application/vnd.cyclonedx+json")).toEqual(sbom);
    const { buildDefinition, runDetails } = predicate;
    expect(buildDefinition.externalParameters).toMatchObject({
      builder: "buildpacks",
      app: { name: app.name },
    });
    expect(buildDefinition.internalParameters.toolchain).toMatchObject({
      node: expect.stringMatching(/^24\./),
    });
    expect(buildDefinition.resolvedDependencies).toMatchObject([
      { name: "source", digest: { sha256: createHash("sha256").update(archive).digest("hex") } },
      { name: "buildpack", annotations: { buildpack: "nodejs" } },
    ]);
    expect(runDetails.metadata.slipway_phases.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["fetch", "plan", "dependencies", "push"]),
    );
    expect(runDetails.metadata.slipway_cacheHit).toBe(reused);
    const layers = runDetails.byproducts.map(({ annotations }) => annotations?.["reused"]);
    // The layers are the stack and the toolchain, the dependencies, and the app's files.
    expect(layers.slice(-2)).toEqual([reused, false]);
    expect(layers.slice(0, -2)).not.toContain(false);
  }
  const body = { deployment: { release: 1 } };
  const { deployment } = await call<{ deployment: { id: string } }>(
    "POST",
    `/v1/apps/${app.name}/deployments`,
    body,
  );
  await ended(app.name, deployment.id);
  const again = statementOf(await call<Envelope>("GET", receiptPath(app.name, deployment.id)));
  expect(again.predicate.runDetails.metadata.slipway_deployment.number).toBe(1);
});

test("slipway verifies a receipt with the listed keys, refuses it with another key, and names a missing SBOM", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "slipway-receipt-"));
  const app = await createApp("verified");
  const archive = await packTarGz(inlineApp("true", answering("verified")));
  expect((await deployed(app.name, archive, "v1")).deployment.status).toBe("success");
  const slipway = (...args: string[]) =>
    execa(process.execPath, [program, ...args, "--app", app.name], {
      reject: false,
      env: { HOME: folder.path, SLIPWAY_URL: inject("apiUrl"), SLIPWAY_TOKEN: inject("adminToken") },
    });
  const verified = await slipway("receipt", "--verify");
  expect(verified).toMatchObject({ exitCode: 0, stderr: expect.stringContaining("signed by the key") });
  expect(verified.stdout).toMatch(
    /^image +apps\/\S+@sha256:[0-9a-f]{64}\nsource +sha256:[0-9a-f]{64}\nref +v1\n/,
  );
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const otherKey = join(folder.path, "other.pem");
  await writeFile(otherKey, publicKey.export({ type: "spki", format: "pem" }));
  const refused = await slipway("receipt", "--key", otherKey);
  expect(refused).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining("no trusted key has signed"),
  });
  expect((await slipway("sbom")).stderr).toContain("its source has no lock file");
});

test("a build that fails leaves no receipt", async () => {
  const app = await createApp("no-receipt");
  const archive = await packTarGz(layeredApp("2.1.3", { scripts: { build: "exit 3" } }));
  const { deployment } = await deployed(app.name, archive);
  expect(deployment.status).toBe("build-error");
  expect((await requestApi("GET", receiptPath(app.name, deployment.id))).status).toBe(404);
});

/** The receipt or the SBOM in the registry, found like a client does, without Slipway's API. */
async function attachedTo(image: string, type = "application/vnd.dsse.envelope.v1+json"): Promise<unknown> {
  const [, repository = "", digest = ""] = /^[^/]+\/(.+)@(.+)$/.exec(image) ?? [];
  const get = async <T>(path: string, accept: string) => {
    const { username, password, origin } = new URL(inject("stack").registryUrl);
    const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
    const answer = await fetch(`${origin}/v2/${repository}/${path}`, { headers: { accept, authorization } });
    return (await answer.json()) as T;
  };
  const manifestType = "application/vnd.oci.image.manifest.v1+json";
  const { annotations } = await get<{ annotations: object }>(`manifests/${digest}`, manifestType);
  expect(annotations).toMatchObject({ "org.opencontainers.image.revision": "v1" });
  const { manifests } = await get<{ manifests: { digest: string; artifactType: string }[] }>(
    `manifests/${digest.replace(":", "-")}`,
    "application/vnd.oci.image.index.v1+json",
  );
  const found = manifests.filter(({ artifactType }) => artifactType === type);
  expect(found).toHaveLength(1);
  const manifest = await get<{ layers: { digest: string }[] }>(`manifests/${found[0]?.digest}`, manifestType);
  return get(`blobs/${manifest.layers[0]?.digest}`, "*/*");
}
