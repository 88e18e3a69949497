// Generates requests from the API's OpenAPI description for fuzzing: valid, nearly valid and invalid in any part.

import * as fc from "fast-check";
import type { Seed } from "./seed.ts";

export interface Operation {
  readonly security: readonly Readonly<Record<string, unknown>>[];
  readonly requestBody?: { readonly content: Record<string, { schema?: { examples?: unknown[] } }> };
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly required?: boolean }[];
}

export interface FuzzRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: string;
}

/** A request before its seed data is filled in: null stands for the seed's value of the same name. */
export interface Draft {
  readonly parts: readonly (string | null)[];
  readonly required: readonly (string | null)[];
  readonly more: readonly (readonly [name: string, value: string])[];
  readonly headers: FuzzRequest["headers"];
  readonly body: string;
}

/** Strings that are known to break parsers, paths, queries, templates or logs. */
const hostileTexts = [
  "",
  " ",
  "0",
  "-1",
  "1e309",
  "null",
  "undefined",
  "true",
  "[object Object]",
  "__proto__",
  "constructor",
  "toString",
  "../../../../etc/passwd",
  "..%2f..%2fetc%2fpasswd",
  "%",
  "%00",
  "%E0%80%80",
  "\0",
  "\r\nX-Injected: yes",
  "' OR '1'='1",
  "'; DROP TABLE apps; --",
  '{"$gt":""}',
  "$where",
  "<script>alert(1)</script>",
  "${7*7}",
  "%s%n%d",
  "\uD800",
  "\u202Egnp",
  "🚢".repeat(64),
  "a".repeat(5_000),
  "9".repeat(400),
  "http://169.254.169.254/latest/meta-data",
  "file:///etc/passwd",
  "http://[::1]:1/x",
  "https://example.com/" + "a/".repeat(3_000),
] as const;

const hostile = fc.constantFrom(...hostileTexts);
export const anyText = fc.oneof(
  hostile,
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ maxLength: 40 }),
);
const anyValue = fc.oneof(
  { weight: 3, arbitrary: anyText },
  { weight: 1, arbitrary: fc.constantFrom(null, true, 0, -1, 1.5, 1e308, [], {}, [[]], { $gt: "" }) },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
);

/** Generates requests of a route that are valid except for some parts. @param token an operator's API token. */
export function draftsOf(path: string, operation: Operation, token: string): fc.Arbitrary<Draft> {
  const value = fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: anyText });
  const values = ({ length }: readonly string[]) => fc.array(value, { minLength: length, maxLength: length });
  return fc.record({
    parts: values(partsOf(path)),
    required: values(requiredOf(operation)),
    more: moreOf(operation),
    headers: headersOf(token, operation),
    body: bodyOf(operation),
  });
}

/** A valid request that matches the description. */
export function validDraft(path: string, operation: Operation, token: string): Draft {
  const { type, example } = contentOf(operation);
  return {
    parts: partsOf(path).map(() => null),
    required: requiredOf(operation).map(() => null),
    more: [],
    headers: { authorization: authorizationOf(token, operation), "content-type": type },
    body: type === "application/json" ? JSON.stringify(example) : "archive",
  };
}

/** Generates mostly valid tokens and content types, so that most requests reach the route. */
export function headersOf(token: string, operation?: Operation): fc.Arbitrary<FuzzRequest["headers"]> {
  const mostly = <T>(usual: T, odd: fc.Arbitrary<T>) =>
    fc.oneof({ weight: 8, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: odd });
  const credentials = fc.oneof(
    fc.constantFrom(bearer(token), basic(token)),
    headerText(),
    headerText().map((value) => `Bearer ${value}`),
  );
  const types = fc.constantFrom("text/plain", "application/json; charset=utf-7", "multipart/form-data", "x");
  return fc
    .record(
      {
        authorization: mostly(authorizationOf(token, operation), credentials),
        "content-type": mostly(contentOf(operation).type, types),
        accept: headerText(),
        cookie: headerText(),
        origin: headerText(),
        "content-encoding": fc.constantFrom("gzip", "br", "zstd", "x"),
        "if-none-match": headerText(),
        "idempotency-key": headerText(),
        "last-event-id": headerText(),
        "x-forwarded-for": headerText(),
        "x-forwarded-proto": headerText(),
        "x-request-id": headerText(),
        range: headerText(),
      },
      { requiredKeys: ["authorization", "content-type"] },
    )
    .map((headers) => headers as FuzzRequest["headers"]);
}

function authorizationOf(token: string, operation?: Operation): string {
  const schemes = operation?.security ?? [];
  const onlyBasic = schemes.length > 0 && !schemes.some((scheme) => "bearer" in scheme);
  return onlyBasic ? basic(token) : bearer(token);
}

function bearer(token: string): string {
  return `Bearer ${token}`;
}

function basic(token: string): string {
  return `Basic ${Buffer.from(`:${token}`).toString("base64")}`;
}

function partsOf(path: string): string[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
}

function requiredOf({ parameters }: Operation): string[] {
  return parameters.filter((each) => each.in === "query" && each.required === true).map(({ name }) => name);
}

/** Fills a draft with the seed's values. */
export function requestFrom(
  method: string,
  path: string,
  operation: Operation,
  seed: Seed,
  { parts, required, more, headers, body }: Draft,
): FuzzRequest {
  const values = partsOf(path).map((name, at) => encoded(parts[at] ?? seed[name] ?? "") || "x");
  const named = requiredOf(operation).map((name, at) => [name, required[at] ?? seed[name] ?? ""] as const);
  const pairs = [...named, ...more].map(
    ([key, value]) => `${encoded(key)}=${encoded(value.slice(0, 1_000))}`,
  );
  const filled = path.replaceAll(/\{\w+\}/g, () => values.shift() ?? "");
  return { method, path: `/v1${filled}?${pairs.join("&")}`, headers, body };
}

/** The content type and example of the described body. */
function contentOf(operation?: Operation): { type: string; example: unknown } {
  const [[type, { schema }] = ["application/json", {}]] = Object.entries(
    operation?.requestBody?.content ?? {},
  );
  return { type, example: schema?.examples?.[0] ?? {} };
}

/** Text that Node allows in a request header. */
function headerText(): fc.Arbitrary<string> {
  return anyText.map((value) => value.replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, "").slice(0, 2_000));
}

function moreOf({ parameters }: Operation): fc.Arbitrary<[name: string, value: string][]> {
  const names = parameters.filter((parameter) => parameter.in === "query").map(({ name }) => name);
  const name = fc.oneof(fc.constantFrom(...names, "page", "per_page", "follow", "a[b]", "a[]"), hostile);
  return fc.array(fc.tuple(name, fc.oneof(fc.constantFrom("1", "2", "0"), anyText)), { maxLength: 4 });
}

function bodyOf(operation: Operation): fc.Arbitrary<string> {
  const { example } = contentOf(operation);
  const nearly = fc
    .tuple(fc.nat(), anyValue, fc.constantFrom("replace", "remove", "add"))
    .map(([at, value, how]) => JSON.stringify(changed(example, at, value, how)));
  return fc.oneof(
    { weight: 6, arbitrary: nearly },
    { weight: 2, arbitrary: anyValue.map((value) => JSON.stringify(value)) },
    { weight: 1, arbitrary: anyText },
    {
      weight: 1,
      arbitrary: fc.constantFrom("[".repeat(20_000), '{"a":'.repeat(2_000), '{"__proto__":{"a":1}}'),
    },
  );
}

/** The example with one of its fields or items changed. */
function changed(example: unknown, at: number, value: unknown, how: "replace" | "remove" | "add"): unknown {
  const copy = structuredClone(example);
  const fields: [parent: Record<string, unknown>, key: string][] = [];
  const visit = (node: unknown): void => {
    if (typeof node !== "object" || node === null) return;
    for (const [key, child] of Object.entries(node)) {
      fields.push([node as Record<string, unknown>, key]);
      visit(child);
    }
  };
  visit(copy);
  const field = fields[at % Math.max(1, fields.length)];
  if (field === undefined) return value;
  const [parent, key] = field;
  if (how === "replace") parent[key] = value;
  else if (how === "remove") delete parent[key];
  else parent[`${key}_more`] = value;
  return copy;
}

/** Encodes a path segment or query part; malformed text becomes an invalid encoding. */
export function encoded(value: string): string {
  return value.isWellFormed() ? encodeURIComponent(value).slice(0, 4_000) : "%ED%A0%80";
}
