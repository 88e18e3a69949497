// Describes why a host could not be reached, without secrets from its URL.

import { SlipwayError } from "@slipway/core";

const failures: Readonly<Record<string, string>> = {
  ENOTFOUND: "cannot be found",
  EAI_AGAIN: "cannot be resolved at the moment",
  ECONNREFUSED: "refused the connection",
  ECONNRESET: "closed the connection",
  EHOSTUNREACH: "cannot be reached",
  ENETUNREACH: "cannot be reached",
  ETIMEDOUT: "did not respond in time",
  CERT_HAS_EXPIRED: "has an expired certificate",
  DEPTH_ZERO_SELF_SIGNED_CERT: "has a self-signed certificate",
  SELF_SIGNED_CERT_IN_CHAIN: "has a certificate of an unknown authority",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "has a certificate of an unknown authority",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "has a certificate of an unknown authority",
  ERR_TLS_CERT_ALTNAME_INVALID: "has a certificate for another name",
};

/** Host and port as in the URL, the only parts that may be shown. */
export function hostOf(url: URL): string {
  return url.host;
}

/** @returns the predicate of a sentence whose subject is the host. */
export function describeFailure(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return failures[code] ?? (code === "" ? "cannot be reached" : `cannot be reached (${code})`);
}

/** @returns the error of a URL that cannot be fetched. */
export function unreachable(message: string, cause?: unknown): SlipwayError {
  return new SlipwayError("source-unreachable", message, { cause });
}
