// Requests for content whose file may be empty. After its disk was full, the registry `distribution` has empty links and manifests, and
// responds 500 to requests for them until they are written again. Any registry may respond 500 once, so only a 500 in each try counts.

import { failedStatus } from "./client.ts";
import type { RegistryClient, RegistryRequest } from "./client.ts";
import type { RegistryResponse } from "./response.ts";

/**
 * Only for callers that then write the requested content, or check again later: if the registry itself is faulty, their next request
 * fails and reports it.
 * @returns the response 200; null when the requested content does not exist, or its file is empty.
 * @throws {SlipwayError} "registry-unavailable"; the signal's reason when aborted.
 */
export async function requestUnlessEmpty(
  client: RegistryClient,
  method: "GET" | "HEAD",
  path: string,
  request: Pick<RegistryRequest, "headers" | "signal">,
): Promise<RegistryResponse | null> {
  try {
    const response = await client.request(method, path, { ...request, expect: [200, 404] });
    return response.status === 200 ? response : null;
  } catch (error) {
    if (failedStatus(error) === 500) return null;
    throw error;
  }
}
