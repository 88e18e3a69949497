// The keys of an installation, each derived from its one signing key and good for one purpose only.

import { createHash, hkdfSync } from "node:crypto";
import { SlipwayError } from "@slipway/core";

/** Least number of characters of a signing key: 128 bits, when they are hexadecimal. */
const shortestSigningKey = 32;

export interface DerivedKeys {
  /** Signs and checks JWTs. */
  readonly jwt: Uint8Array;
  /** Id of the key that signed a JWT, for its header; reveals nothing about the key. */
  readonly jwtKeyId: string;
  /** Signs and checks URLs. */
  readonly url: Uint8Array;
}

/**
 * @param signingKey the installation's secret, any text of high entropy.
 * @throws {SlipwayError} "configuration-invalid" when it is too short.
 */
export function deriveKeys(signingKey: string): DerivedKeys {
  if (signingKey.length < shortestSigningKey) {
    throw new SlipwayError(
      "configuration-invalid",
      `the signing key must have at least ${shortestSigningKey} characters`,
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
