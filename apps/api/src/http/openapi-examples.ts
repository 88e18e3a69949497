// Examples of responses, generated from their JSON Schemas, so that each example is valid.

interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly examples?: readonly unknown[];
  readonly minimum?: number;
  readonly not?: object;
}

/** Example texts by the names of the API's properties. */
const texts: readonly (readonly [name: RegExp, text: string])[] = [
  [/(^|_)(at|since)$|(^|_)(created|updated|expires)/, "2026-03-04T05:06:07.089Z"],
  [/(^|_)id$/, "0f8e2c1a-6d3b-4c5e-9f70-123456789abc"],
  [/url|output|stream/, "https://api.example.com/v1/apps/my-app"],
  [/email/, "ada@example.com"],
  [/user|owner|fullname|pusher/, "ada"],
  [/app|name/, "my-app"],
  [/git_ref|version/, "v1.2.0"],
  [/image/, "apps/my-app:v1.2.0"],
  [/message|error/, "package.json is not JSON"],
  [/phase/, "build"],
  [/worker/, "worker-1"],
  [/sha/, "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
];

/** @param name the property's name, which determines the text of a string. */
export function exampleOf(schema: object, name = ""): unknown {
  const given = schema as Schema;
  if (given.examples?.[0] !== undefined) return given.examples[0];
  if ("const" in given) return given.const;
  if (given.enum !== undefined) return given.enum[0];
  const choices = given.anyOf ?? given.oneOf;
  const [first] = choices?.filter(({ type }) => type !== "null") ?? [];
  if (first !== undefined) return exampleOf(first, name);
  if (given.allOf !== undefined)
    return Object.assign({}, ...given.allOf.map((part) => exampleOf(part, name)));
  if (given.type === "object" || given.properties !== undefined) return objectOf(given);
  if (given.type === "array") return isNothing(given.items) ? [] : [exampleOf(given.items, name)];
  if (given.type === "integer" || given.type === "number") return Math.max(1, given.minimum ?? 1);
  if (given.type === "boolean") return false;
  if (given.type === "string") return texts.find(([pattern]) => pattern.test(name))?.[1] ?? "text";
  return null;
}

/** Whether no value is valid, so that the list is always empty. */
function isNothing(items: Schema | undefined): items is undefined {
  return items === undefined || (items.not !== undefined && Object.keys(items.not).length === 0);
}

function objectOf({ properties = {} }: Schema): object {
  return Object.fromEntries(
    Object.entries(properties).map(([property, schema]) => [property, exampleOf(schema, property)]),
  );
}
