// The rules for blob keys, which are the same for every blob store.

import { invalidField } from "@slipway/core";

const segment = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,200}$/;
const keyLength = 1_000;

/**
 * A key is names joined by "/": letters, digits, dots, hyphens and underscores, none of them "." or "..".
 * @throws {SlipwayError} "invalid".
 */
export function checkBlobKey(key: string): void {
  if (key.length > keyLength || !key.split("/").every((name) => segment.test(name))) {
    throw invalidField("key", 'must be names of letters, digits, ".", "-" and "_", joined by "/"');
  }
}

/** @throws {SlipwayError} "invalid" unless it is a key followed by "/". */
export function checkBlobPrefix(prefix: string): void {
  if (!prefix.endsWith("/")) throw invalidField("prefix", 'must end in "/"');
  checkBlobKey(prefix.slice(0, -1));
}
