import { expect, test } from "vitest";
import { keysOf } from "../test-support/identities.ts";
import { openUrlSigner } from "./signed-url.ts";

const signingKeys = keysOf("0123456789abcdef0123456789abcdef");
const signedAt = new Date("2030-01-01T00:00:00Z");
const expiresAt = new Date("2030-01-01T00:10:00Z");
const path = "/v1/sources/abc/archive";

function queryOf(url: string): { expires: string; signature: string } {
  const query = new URL(url, "http://localhost").searchParams;
  return { expires: query.get("expires") ?? "", signature: query.get("signature") ?? "" };
}

test("a signed URL is valid for its method and path until it expires", () => {
  let now = signedAt;
  const signer = openUrlSigner({ signingKeys, now: () => now });
  const url = signer.sign("PUT", path, expiresAt);
  expect(url.startsWith(`${path}?expires=`)).toBe(true);
  const query = queryOf(url);
  expect(signer.verify("PUT", path, query)).toBe("valid");
  expect(signer.verify("GET", path, query)).toBe("forged");
  expect(signer.verify("PUT", "/v1/sources/abd/archive", query)).toBe("forged");
  now = expiresAt;
  expect(signer.verify("PUT", path, query)).toBe("expired");
});

test("the URL signer refuses another expiry, another key and any other query parameter", () => {
  const signer = openUrlSigner({ signingKeys, now: () => signedAt });
  const query = queryOf(signer.sign("PUT", path, expiresAt));
  const other = openUrlSigner({ signingKeys: keysOf("f".repeat(32)), now: () => signedAt });
  expect(other.verify("PUT", path, query)).toBe("forged");
  const hostile = [
    { ...query, expires: "9999999999" },
    { ...query, signature: "" },
    { ...query, signature: query.signature.slice(1) },
    { ...query, signature: [query.signature] },
    { expires: query.expires },
    {},
  ];
  for (const given of hostile) expect(signer.verify("PUT", path, given)).toBe("forged");
});

test("the URL signer accepts signatures of all keys in use, and none of a removed key", () => {
  const [old, both, next] = [
    keysOf("1".repeat(32)),
    keysOf("2".repeat(32), "1".repeat(32)),
    keysOf("2".repeat(32)),
  ];
  const signerOf = (keys: typeof old) => openUrlSigner({ signingKeys: keys, now: () => signedAt });
  const query = queryOf(signerOf(old).sign("PUT", path, expiresAt));
  expect(signerOf(both).verify("PUT", path, query)).toBe("valid");
  expect(signerOf(next).verify("PUT", path, query)).toBe("forged");
  const newest = queryOf(signerOf(both).sign("PUT", path, expiresAt));
  expect(signerOf(next).verify("PUT", path, newest)).toBe("valid");
});
