import { expect, test } from "vitest";
import { billOfMaterials } from "./bill.ts";

const sha512 = "ab".repeat(64);

test("the document names the image, the lock file and each version once, with the widest scope", () => {
  const dev = { type: "npm", name: "@a/b", version: "1.0.0+x", scope: "excluded", sha512 } as const;
  const text = billOfMaterials({
    version: "0.1.0",
    imageName: "apps/1",
    imageDigest: "sha256:0a",
    locked: {
      files: ["package-lock.json"],
      isComplete: true,
      packages: [{ ...dev, scope: "required" }, dev],
    },
  });
  expect(JSON.parse(text)).toMatchObject({
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    serialNumber: expect.stringMatching(
      /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/,
    ),
    metadata: {
      component: { type: "container", name: "apps/1", version: "sha256:0a" },
      properties: [
        { name: "slipway:complete", value: "true" },
        { name: "slipway:lock-file", value: "package-lock.json" },
      ],
    },
    components: [
      {
        type: "library",
        name: "@a/b",
        version: "1.0.0+x",
        scope: "required",
        purl: "pkg:npm/%40a/b@1.0.0%2Bx",
        hashes: [{ alg: "SHA-512", content: sha512 }],
      },
    ],
  });
});
