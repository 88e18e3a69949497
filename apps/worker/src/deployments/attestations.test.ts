import { expect, test } from "vitest";
import type { ImageArtifact } from "@slipway/core";
import { attachAttestations } from "./attestations.ts";

test("attaching a receipt that a garbage collection delays has no time limit of its own, and the log says why it waits", async () => {
  const { signal } = new AbortController();
  const lines: string[] = [];
  const attached: string[] = [];
  const registry = {
    attach: async (repository: string, digest: string, artifact: ImageArtifact, limit: AbortSignal) => {
      expect(limit).toBe(signal);
      artifact.onHeld?.();
      attached.push(`${repository} ${digest} ${artifact.type}`);
    },
  };
  const logger = {
    warn: (fields: unknown) => {
      throw new Error("it was not attached", { cause: fields });
    },
  };
  const lease = { deployment: { id: "d1", appId: "a" } };
  const log = { line: (text: string) => void lines.push(text) };
  const attestations = [{ type: "application/x-receipt", content: "{}", annotations: {} }];
  const built = { image: { digest: "sha256:a" } };
  await attachAttestations({ registry, logger }, { lease, log, signal }, { built, attestations });
  expect(attached).toEqual(["apps/a sha256:a application/x-receipt"]);
  expect(lines).toEqual([expect.stringContaining("delays attaching the receipt")]);
});
