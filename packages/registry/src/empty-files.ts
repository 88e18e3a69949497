// Requests for what may have an empty file. After its disk was full, the registry `distribution` has empty links and empty manifests,
// and responds 500 to a request for one until it is written again. Any registry may respond 500 once, so only a 500 in each try counts.

import { failedStatus } from "./client.ts";
import type { RegistryClient, RegistryRequest } from "./client.ts";
import type { RegistryResponse } from "./response.ts";

/**
 * Only for callers that then write what was requested, or look again later: if the registry itself is at fault, their next request
 * fails and says so.
 * @returns the response 200; null when what was requested does not exist, or when its file is empty.
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
