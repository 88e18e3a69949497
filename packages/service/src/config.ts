// Reads a process's configuration: one schema, every problem reported at once, secrets never shown.

import { resolve } from "node:path";
import { z } from "zod";
import { SlipwayError } from "@slipway/core";

export type Environment = Readonly<Record<string, string | undefined>>;

/** A port number given as text. */
export const portSetting = z.coerce.number().int().min(0).max(65_535);
/** A whole number above zero given as text: milliseconds, bytes, a count. */
export const countSetting = z.coerce.number().int().positive();
/** Origins of web pages, separated by blanks or commas; `*` for all. None by default. */
export const originsSetting = z
  .string()
  .default("")
  .transform((text) => text.split(/[\s,]+/).filter((item) => item !== ""))
  .pipe(
    z.array(
      z.union([
        z.literal("*"),
        // what has more than an origin, or is written another way, is equal to no Origin that a browser sends
        z
          .string()
          .refine(isOrigin, "must be origins: https://example.com, in lower case and without a slash behind"),
      ]),
    ),
  );

const proxyNames = ["loopback", "linklocal", "uniquelocal"];
const proxy = z.union([z.enum(proxyNames), z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], {
  error: `must be a number of proxies, or addresses, CIDR ranges, ${proxyNames.join(", ")}`,
});
/** Proxies whose `X-Forwarded-For` is believed: how many there are in a row, or which. None by default. */
export const trustedProxiesSetting = z
  .string()
  .default("0")
  .transform((text) =>
    /^\d$/.test(text) ? Number(text) : text.split(/[\s,]+/).filter((item) => item !== ""),
  )
  .pipe(z.union([z.int(), z.array(proxy)]));

function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

/** What every process of an installation takes. Set-up fills most of it in. */
export const commonSettings = z.object({
  SERVICE_NAME: z.string().min(1).optional(),
  DATA_DIR: z
    .string()
    .min(1)
    .default(".slipway")
    .transform((path) => resolve(path)),
  INSTALLATION_ID: z
    .string()
    .regex(/^[a-z0-9-]{1,32}$/, "must be 1 to 32 lower-case letters, digits or hyphens"),
  REDIS_URL: z.url({ protocol: /^rediss?$/, error: "must be a redis:// or rediss:// URL" }),
  DATABASE_URL: z.string().min(1).optional(),
  BLOBS_URL: z.string().min(1).optional(),
  GRACE_MS: countSetting.default(30_000),
  LOG_LEVEL: z.enum(["fatal", "error", "warn", "info", "debug", "trace"]).default("info"),
  LOG_FORMAT: z.enum(["json", "pretty"]).default("json"),
});

/** Of processes that route requests to apps, or tell where apps are reached. */
export const appUrlSettings = z.object({
  ROUTER_DOMAIN: z
    .string()
    .regex(
      /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/,
      "must be a domain name in lower case",
    )
    .default("localhost"),
  ROUTER_PORT: portSetting.default(4180),
  PUBLIC_APP_URL: z
    .string()
    .refine(
      (url) => /^https?:\/\/\{app\}\.[^/{}]+\/?$/.test(url) && URL.canParse(url.replace("{app}", "app")),
      "must be like https://{app}.apps.example.com",
    )
    .transform((url) => url.replace(/\/$/, ""))
    .optional(),
});

/** Where an app's users reach it. Its host name is the one that requests to the router have to ask for. */
export function appUrl(config: z.output<typeof appUrlSettings>, name: string): string {
  const url = config.PUBLIC_APP_URL ?? `http://{app}.${config.ROUTER_DOMAIN}:${config.ROUTER_PORT}`;
  return url.replace("{app}", name);
}

const shortestKey = 32;
const signingKey = z.string().min(shortestKey, `must have at least ${shortestKey} characters`);

/** Of processes that sign or check tokens and URLs. One of the three is needed; see `withSigningKeys`. */
const signingSettings = z.object({
  SIGNING_KEY: signingKey.optional(),
  SIGNING_KEYS: z
    .string()
    .transform((text) => text.split(/[\s,]+/).filter((item) => item !== ""))
    .pipe(z.array(signingKey).min(1, "must hold a key"))
    .optional(),
  SIGNING_KEYS_FILE: z.string().min(1).optional(),
});

/** A schema that takes signing keys too, and is not content without one. */
export function withSigningKeys<Shape extends z.ZodRawShape>(schema: z.ZodObject<Shape>) {
  return schema.extend(signingSettings.shape).refine(hasSigningKey, {
    path: ["SIGNING_KEY"],
    error: "is required, or SIGNING_KEYS, or SIGNING_KEYS_FILE",
    // also when there are other problems: all are told at once
    when: () => true,
  });
}

/** Where the signing keys are: in a file, or here, the newest first. The file goes before the list, the list before the one. */
export function signingKeysFrom(
  config: z.output<typeof signingSettings>,
): readonly string[] | { file: string } {
  if (config.SIGNING_KEYS_FILE !== undefined) return { file: config.SIGNING_KEYS_FILE };
  return config.SIGNING_KEYS ?? (config.SIGNING_KEY === undefined ? [] : [config.SIGNING_KEY]);
}

function hasSigningKey(config: Partial<Record<keyof z.output<typeof signingSettings>, unknown>>): boolean {
  return [config.SIGNING_KEY, config.SIGNING_KEYS, config.SIGNING_KEYS_FILE].some(
    (given) => given !== undefined,
  );
}

const mongoUrl = /^mongodb(\+srv)?:/i;

/** Where the database and blobs are: embedded when no URL says otherwise, and blobs in a MongoDB that keeps the rest. */
export function storageUrls(config: {
  DATA_DIR: string;
  DATABASE_URL?: string | undefined;
  BLOBS_URL?: string | undefined;
}) {
  const databaseUrl = config.DATABASE_URL ?? `file:${config.DATA_DIR}/slipway.db`;
  const blobsUrl = mongoUrl.test(databaseUrl) ? databaseUrl : `file:${config.DATA_DIR}/blobs`;
  return { databaseUrl, blobsUrl: config.BLOBS_URL ?? blobsUrl };
}

/**
 * @param environment usually `process.env`; a variable set to the empty string counts as not set.
 * @throws {SlipwayError} "configuration-invalid" that lists every wrong variable and what it should be, never its value.
 */
export function configFrom<Schema extends z.ZodType>(
  schema: Schema,
  environment: Environment,
): z.output<Schema> {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ""),
  );
  const parsed = schema.safeParse(given, {
    error: (issue) => (issue.input === undefined ? "is required" : undefined),
  });
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `  ${issue.path.join(".")}: ${issue.message}`);
  throw new SlipwayError("configuration-invalid", `The configuration is not usable:\n${problems.join("\n")}`);
}
