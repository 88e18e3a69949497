// Signed URLs: each authorizes one kind of request to one path until it expires, without other credentials.

import { createHmac, timingSafeEqual } from "node:crypto";
import type { SigningKeys } from "./signing-keys.ts";

export interface UrlSigner {
  /**
   * @param path absolute path on the server, without a query.
   * @returns the path with `expires` (seconds since 1970) and `signature` in its query.
   */
  sign(method: string, path: string, expiresAt: Date): string;
  /** @param query the request's query, decoded. */
  verify(method: string, path: string, query: SignedQuery): "valid" | "expired" | "forged";
}

/** The parts of a query that contain the signature, as the client sent them. */
export interface SignedQuery {
  readonly expires?: unknown;
  readonly signature?: unknown;
}

/** @param options.now the clock. */
export function openUrlSigner(options: {
  readonly signingKeys: SigningKeys;
  readonly now?: () => Date;
}): UrlSigner {
  const { signingKeys, now = () => new Date() } = options;

  const signatureOf = (key: Uint8Array, method: string, path: string, expires: string): Buffer =>
    createHmac("sha256", key).update(`${method}\n${path}\n${expires}`).digest();

  return {
    sign(method, path, expiresAt) {
      const expires = String(Math.floor(expiresAt.getTime() / 1000));
      const signature = signatureOf(signingKeys.keys()[0].url, method, path, expires);
      return `${path}?expires=${expires}&signature=${signature.toString("base64url")}`;
    },
    verify(method, path, { expires, signature }) {
      if (typeof expires !== "string" || typeof signature !== "string") return "forged";
      const given = Buffer.from(signature, "base64url");
      const matches = signingKeys.keys().some(({ url }) => {
        const expected = signatureOf(url, method, path, expires);
        return given.length === expected.length && timingSafeEqual(given, expected);
      });
      if (!matches) return "forged";
      return now().getTime() < Number(expires) * 1000 ? "valid" : "expired";
    },
  };
}
