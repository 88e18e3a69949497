// Files attached to an image: manifests with the image as their subject. A registry lists them through its referrers API, or else
// through a tag that clients maintain.
// Format: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#referrers-tag-schema

import { SlipwayError } from "@slipway/core";
import type { ImageArtifact } from "@slipway/core";
import { digestOf, mediaTypes } from "./base-image.ts";
import type { Descriptor } from "./base-image.ts";
import type { RegistryClient } from "./client.ts";
import type { RegistryResponse } from "./response.ts";
import { requestUnlessEmpty } from "./empty-files.ts";
import { uploadBlob } from "./layer-upload.ts";

interface Referrer extends Descriptor {
  readonly artifactType: string;
  readonly annotations: Readonly<Record<string, string>>;
}

interface ReferrersIndex {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  readonly manifests: readonly Referrer[];
}

const emptyMediaType = "application/vnd.oci.empty.v1+json";
const emptyContent = "{}";

/** Whether a tag lists the referrers of an image, by the name that clients use for registries without the referrers API. */
export function isReferrersTag(tag: string): boolean {
  return /^sha256-[0-9a-f]{64}$/.test(tag);
}

/** @throws {SlipwayError} "registry-unavailable", also when the registry does not have the image. */
export async function attach(
  client: RegistryClient,
  image: { readonly repository: string; readonly digest: string },
  artifact: ImageArtifact,
  signal: AbortSignal,
): Promise<void> {
  const { repository } = image;
  const [subject, layer, config] = await Promise.all([
    describe(client, image, signal),
    upload(client, repository, { mediaType: artifact.type, content: artifact.content }, signal),
    upload(client, repository, { mediaType: emptyMediaType, content: emptyContent }, signal),
  ]);
  const { type: artifactType, annotations } = artifact;
  const manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, artifactType, config };
  const body = JSON.stringify({ ...manifest, layers: [layer], subject, annotations });
  const digest = digestOf(Buffer.from(body));
  const headers = { "content-type": mediaTypes.ociManifest };
  const path = `/v2/${repository}/manifests/${digest}`;
  const stored = await client.request("PUT", path, { headers, body, expect: [201], signal });
  // A registry with the referrers API confirms the subject.
  if (stored.header("oci-subject") !== null) return;
  const size = Buffer.byteLength(body);
  const referrer = { mediaType: mediaTypes.ociManifest, digest, size, artifactType, annotations };
  await addToTag(client, image, referrer, signal);
}

/** Deletes the files attached to an image. */
export async function deleteReferrers(
  client: RegistryClient,
  image: { readonly repository: string; readonly digest: string },
  signal: AbortSignal,
): Promise<void> {
  const { repository, digest } = image;
  const request = { headers: { accept: mediaTypes.ociIndex }, expect: [200, 404], signal };
  // Registries without the referrers API respond 404.
  const response = await client.request("GET", `/v2/${repository}/referrers/${digest}`, request);
  const listed = response.status === 200 ? await indexOf(response) : null;
  const tagged = await readTag(client, image, signal);
  const manifests = new Set(
    [...(listed?.manifests ?? []), ...(tagged?.manifests ?? [])].map((one) => one.digest),
  );
  if (tagged !== null) manifests.add(tagged.digest);
  for (const one of manifests)
    await client.request("DELETE", `/v2/${repository}/manifests/${one}`, { expect: [202, 404], signal });
}

/** Not safe for concurrent additions to the same image: the caller must hold the app's lane. */
async function addToTag(
  client: RegistryClient,
  image: { readonly repository: string; readonly digest: string },
  referrer: Referrer,
  signal: AbortSignal,
): Promise<void> {
  const path = tagPath(image);
  const former = (await readTag(client, image, signal))?.manifests ?? [];
  if (former.some(({ digest }) => digest === referrer.digest)) return;
  const manifests = [...former, referrer];
  const index: ReferrersIndex = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
  const headers = { "content-type": mediaTypes.ociIndex };
  await client.request("PUT", path, { headers, body: JSON.stringify(index), expect: [201], signal });
}

interface FoundIndex extends Pick<ReferrersIndex, "manifests"> {
  readonly digest: string;
}

/** @returns null when the image has no such tag, or when the tag's file is empty, in which case nothing lists the manifests any more. */
async function readTag(
  client: RegistryClient,
  image: { readonly repository: string; readonly digest: string },
  signal: AbortSignal,
): Promise<FoundIndex | null> {
  const headers = { accept: mediaTypes.ociIndex };
  const response = await requestUnlessEmpty(client, "GET", tagPath(image), { headers, signal });
  return response === null ? null : await indexOf(response);
}

async function indexOf(response: RegistryResponse): Promise<FoundIndex> {
  const bytes = await response.bytes();
  const { manifests } = JSON.parse(bytes.toString("utf8")) as ReferrersIndex;
  return { manifests, digest: digestOf(bytes) };
}

async function describe(
  client: RegistryClient,
  { repository, digest }: { readonly repository: string; readonly digest: string },
  signal: AbortSignal,
): Promise<Descriptor> {
  const headers = { accept: `${mediaTypes.ociManifest}, ${mediaTypes.dockerManifest}` };
  const path = `/v2/${repository}/manifests/${digest}`;
  const found = await client.request("HEAD", path, { headers, expect: [200, 404], signal });
  const mediaType = found.header("content-type");
  if (found.status === 404 || mediaType === null)
    throw new SlipwayError(
      "registry-unavailable",
      `the registry ${client.host} has no image ${repository}@${digest} to attach a file to`,
    );
  return { mediaType, digest, size: Number(found.header("content-length")) };
}

async function upload(
  client: RegistryClient,
  repository: string,
  { mediaType, content }: { readonly mediaType: string; readonly content: string },
  signal: AbortSignal,
): Promise<Descriptor> {
  const bytes = Buffer.from(content);
  const digest = digestOf(bytes);
  await uploadBlob(client, repository, bytes, digest, signal);
  return { mediaType, digest, size: bytes.length };
}

function tagPath({ repository, digest }: { readonly repository: string; readonly digest: string }): string {
  return `/v2/${repository}/manifests/${digest.replace(":", "-")}`;
}
