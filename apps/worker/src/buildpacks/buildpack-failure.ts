// The user's error for a buildpack that cannot be fetched.

import { SlipwayError } from "@slipway/core";

const hint = "Correct the URL in BUILDPACK_URL or .buildpacks, then deploy again";

/** @param message the buildpack and what happened. */
export function buildpackFailure(message: string, details: { readonly cause?: unknown } = {}): SlipwayError {
  return new SlipwayError("no-buildpack", message, { ...details, hint });
}
