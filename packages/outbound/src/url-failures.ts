// Says why a host could not be reached, without anything secret that its URL may hold.

const failures: Readonly<Record<string, string>> = {
  ENOTFOUND: "cannot be found",
  EAI_AGAIN: "cannot be looked up at the moment",
  ECONNREFUSED: "refused the connection",
  ECONNRESET: "closed the connection",
  EHOSTUNREACH: "cannot be reached",
  ENETUNREACH: "cannot be reached",
  ETIMEDOUT: "did not answer in time",
  CERT_HAS_EXPIRED: "has an expired certificate",
  DEPTH_ZERO_SELF_SIGNED_CERT: "has a self-signed certificate",
  SELF_SIGNED_CERT_IN_CHAIN: "has a certificate of an unknown authority",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "has a certificate of an unknown authority",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "has a certificate of an unknown authority",
  ERR_TLS_CERT_ALTNAME_INVALID: "has a certificate for another name",
};

/** Host and port as they stand in the URL: all of it that may be shown. */
export function hostOf(url: URL): string {
  return url.host;
}

/** @returns what follows the host's name in a sentence. */
export function describeFailure(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return failures[code] ?? (code === "" ? "cannot be reached" : `cannot be reached (${code})`);
}
