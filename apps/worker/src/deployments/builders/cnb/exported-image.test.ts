import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { readManifest } from "./exported-image.ts";

const docker = "application/vnd.docker";
const oci = "application/vnd.oci.image";
const dockerManifest = `${docker}.distribution.manifest.v2+json`;
const ociManifest = `${oci}.manifest.v1+json`;
const annotations = { "org.opencontainers.image.revision": "main" };

const ofDocker = {
  schemaVersion: 2,
  mediaType: dockerManifest,
  config: { mediaType: `${docker}.container.image.v1+json`, digest: "sha256:c", size: 2 },
  layers: [{ mediaType: `${docker}.image.rootfs.diff.tar.gzip`, digest: "sha256:l", size: 3 }],
};
const ofOci = {
  schemaVersion: 2,
  config: { mediaType: `${oci}.config.v1+json`, digest: "sha256:c", size: 2 },
  layers: [{ mediaType: `${oci}.layer.v1.tar+gzip`, digest: "sha256:l", size: 3 }],
};

async function read(content: string, mediaType: string) {
  const found = await readManifest(Readable.from([Buffer.from(content)]), { mediaType, annotations });
  if (found === null) throw new Error("the manifest was not read");
  return { ...found, text: Buffer.from(found.bytes).toString("utf8") };
}

test.each([
  ["Docker's", ofDocker, dockerManifest],
  ["OCI's", ofOci, ociManifest],
])(
  "a manifest in %s format becomes OCI's with annotations, for the same content",
  async (_of, given, type) => {
    const { text, mediaType, image } = await read(JSON.stringify(given), type);
    expect(JSON.parse(text)).toEqual({ ...ofOci, mediaType: ociManifest, annotations });
    expect(mediaType).toBe(ociManifest);
    const digest = `sha256:${createHash("sha256").update(text).digest("hex")}`;
    expect(image).toEqual({ digest, sizeBytes: 5 });
  },
);

test("annotations of the build are kept, except those of the platform", async () => {
  const own = { kept: "yes", "org.opencontainers.image.revision": "forged" };
  const { text } = await read(JSON.stringify({ ...ofOci, annotations: own }), ociManifest);
  expect(JSON.parse(text)).toMatchObject({ annotations: { kept: "yes", ...annotations } });
});

test.each([
  ["an index", { schemaVersion: 2, manifests: [] }, `${oci}.index.v1+json`],
  ["a manifest of an unknown type", { ...ofOci }, "application/json"],
  ["a layer of an unknown type", { ...ofOci, layers: [{ mediaType: "x", size: 1 }] }, ociManifest],
  ["a layer that is no object", { ...ofOci, layers: [null] }, ociManifest],
])("%s is not changed", async (_what, given, type) => {
  const content = JSON.stringify(given);
  const { text, mediaType } = await read(content, type);
  expect(text).toBe(content);
  expect(mediaType).toBe(type);
});
