// Stores the manifest of an image under a tag.

import { SlipwayError } from "@slipway/core";
import { failedStatus } from "./client.ts";
import type { RegistryClient } from "./client.ts";

interface NewManifest {
  readonly repository: string;
  readonly tag: string;
  readonly mediaType: string;
  readonly content: string | Uint8Array;
  readonly digest: string;
}

/**
 * The registry `distribution` does not rewrite an existing manifest, even if a full disk left its file empty. So the manifest is
 * read afterwards: an image that cannot be pulled must not count as pushed.
 * @throws {SlipwayError} "registry-unavailable"; the signal's reason when aborted.
 */
export async function putManifest(
  client: RegistryClient,
  { repository, tag, mediaType, content, digest }: NewManifest,
  signal: AbortSignal,
): Promise<void> {
  const path = `/v2/${repository}/manifests`;
  const headers = { "content-type": mediaType };
  await client.request("PUT", `${path}/${tag}`, { headers, body: content, expect: [201], signal });
  try {
    await client.request("HEAD", `${path}/${digest}`, {
      headers: { accept: mediaType },
      expect: [200],
      signal,
    });
  } catch (error) {
    if (failedStatus(error) !== 500) throw error;
    throw new SlipwayError(
      "registry-unavailable",
      `the registry ${client.host} cannot read the manifest ${digest} of ${repository}, which it accepted: a full disk may have damaged it. An operator has to run npm run registry-gc`,
      { cause: error },
    );
  }
}
