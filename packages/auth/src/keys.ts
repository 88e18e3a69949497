// Derives the keys of an installation from a signing key, one for each purpose.

import { createHash, hkdfSync } from "node:crypto";
import { SlipwayError } from "@slipway/core";

/** Minimum length of a signing key in characters: 128 bits if they are hexadecimal. */
const minSigningKeyChars = 32;

export interface DerivedKeys {
  /** Signs and verifies JWTs. */
  readonly jwt: Uint8Array;
  /** Id of the key that signed a JWT, for its header; reveals nothing about the key. */
  readonly jwtKeyId: string;
  /** Signs and verifies URLs. */
  readonly url: Uint8Array;
}

/**
 * @param signingKey the installation's secret, any text of high entropy.
 * @throws {SlipwayError} "configuration-invalid" if it is too short.
 */
export function deriveKeys(signingKey: string): DerivedKeys {
  if (signingKey.length < minSigningKeyChars) {
    throw new SlipwayError(
      "configuration-invalid",
      `the signing key must have at least ${minSigningKeyChars} characters`,
    );
  }
  const jwt = derive(signingKey, "slipway jwt v1");
  return {
    jwt,
    jwtKeyId: createHash("sha256").update("slipway kid v1").update(jwt).digest("hex").slice(0, 16),
    url: derive(signingKey, "slipway url v1"),
  };
}

function derive(signingKey: string, purpose: string): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", signingKey, "", purpose, 32));
}
