import { execFileSync } from "node:child_process";
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createPublicKey } from "node:crypto";
import { expect, test } from "vitest";
import { type ReceiptFacts, jwkOf, receiptSigner, signStatement } from "./index.ts";
import { statementAbout, statementOf, verifyEnvelope } from "./index.ts";

const signer = receiptSigner("a".repeat(64));
const at = (seconds: number) => new Date(Date.UTC(2026, 2, 4, 5, 6, seconds));
const phase = {
  name: "build",
  startedAt: at(1),
  finishedAt: at(3),
  bytes: null,
  outcome: "success" as const,
};
const facts: ReceiptFacts = {
  imageName: "apps/1",
  imageDigest: "sha256:0a",
  installationId: "12345678",
  version: "0.1.0",
  app: { id: "1", name: "shop" },
  deployment: { id: "2", number: 3, attempt: 4 },
  startedAt: at(0),
  finishedAt: at(4),
  source: { url: "https://example.com/a.tar.gz", gitRef: "v1", sha256: "1a", treeSha256: "2a" },
  builder: "buildpacks",
  buildpacks: [
    { name: "nodejs", url: null, revision: null },
    { name: "php", url: "https://example.com/php.git", revision: "3a" },
    { name: "ruby", url: "https://example.com/ruby.tgz", revision: "sha256:4a" },
  ],
  toolchain: { node: "24.21.0" },
  stackImage: "registry.example/stack:1",
  layers: [{ digest: "sha256:5a", sizeBytes: 7, reused: true }],
  phases: [
    { ...phase, reused: ["cache"] },
    { ...phase, name: "release", finishedAt: null, outcome: null, reused: [] },
  ],
};

test("a statement is about the image, and names everything that it was made of", () => {
  const { subject, predicate } = statementAbout(facts);
  expect(subject).toEqual([{ name: "apps/1", digest: { sha256: "0a" } }]);
  expect(predicate.buildDefinition.resolvedDependencies).toEqual([
    {
      name: "source",
      uri: "https://example.com/a.tar.gz",
      digest: { sha256: "1a" },
      annotations: { treeSha256: "2a" },
    },
    { name: "buildpack", annotations: { buildpack: "nodejs" } },
    {
      name: "buildpack",
      uri: "https://example.com/php.git",
      digest: { gitCommit: "3a" },
      annotations: { buildpack: "php" },
    },
    {
      name: "buildpack",
      uri: "https://example.com/ruby.tgz",
      digest: { sha256: "4a" },
      annotations: { buildpack: "ruby" },
    },
  ]);
  const { byproducts, metadata } = predicate.runDetails;
  expect(byproducts).toEqual([
    { name: "layer", digest: { sha256: "5a" }, annotations: { sizeBytes: 7, reused: true } },
  ]);
  expect(metadata).toMatchObject({
    slipway_cacheHit: true,
    slipway_phases: [{ name: "build", durationMs: 2000, reused: ["cache"] }],
  });
});

test("a signed statement is verified by its key, and by no other", () => {
  const envelope = signStatement(statementAbout(facts), signer);
  const other = receiptSigner("b".repeat(64));
  expect(verifyEnvelope(envelope, [other.publicPem, signer.publicPem])).toBe(signer.keyId);
  expect(statementOf(envelope)).toEqual(statementAbout(facts));
  const named = expect.objectContaining({ code: "invalid", message: expect.stringContaining(signer.keyId) });
  expect(() => verifyEnvelope(envelope, [other.publicPem])).toThrow(named);
  const payload = Buffer.from(JSON.stringify(statementAbout({ ...facts, imageDigest: "sha256:0b" })));
  const forged = { ...envelope, payload: payload.toString("base64") };
  expect(() => verifyEnvelope(forged, [signer.publicPem])).toThrow(named);
  expect(() => verifyEnvelope({ ...envelope, payloadType: "text/plain" }, [signer.publicPem])).toThrow(named);
});

test("openssl verifies a signature, and computes the key's id", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "slipway-receipt-"));
  const { payloadType, payload, signatures } = signStatement(statementAbout(facts), signer);
  const bytes = Buffer.from(payload, "base64");
  const file = (name: string) => join(folder.path, name);
  const signed = `DSSEv1 ${payloadType.length} ${payloadType} ${bytes.length} `;
  await writeFile(file("signed"), Buffer.concat([Buffer.from(signed), bytes]));
  await writeFile(file("signature"), Buffer.from(signatures[0]?.sig ?? "", "base64"));
  await writeFile(file("key.pem"), signer.publicPem);
  const openssl = (args: readonly string[]) => execFileSync("openssl", args, { encoding: "buffer" });
  const digest = ["dgst", "-sha256", "-verify", file("key.pem"), "-signature", file("signature")];
  const verified = openssl([...digest, file("signed")]);
  expect(verified.toString()).toBe("Verified OK\n");
  await writeFile(file("key.der"), openssl(["pkey", "-pubin", "-in", file("key.pem"), "-outform", "DER"]));
  expect(openssl(["dgst", "-sha256", "-r", file("key.der")]).toString()).toContain(signer.keyId);
});

test("the same secret gives the same key, and a short one none", () => {
  expect(receiptSigner("a".repeat(64)).publicPem).toBe(signer.publicPem);
  const jwk = createPublicKey(signer.publicPem).export({ format: "jwk" });
  expect(jwkOf(signer.publicPem)).toEqual(jwk);
  expect(() => receiptSigner("a".repeat(31))).toThrow(
    expect.objectContaining({ code: "configuration-invalid" }),
  );
});
