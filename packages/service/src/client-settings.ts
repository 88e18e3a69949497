// The settings of processes that clients connect to: web origins, proxies, signing keys.

import { z } from "zod";
import { settingDocs } from "./setting-docs.ts";
import { itemsOf, listSetting, portSetting } from "./settings.ts";

const origin = z
  .string()
  // Browsers send the origin in exactly this form, and it is compared as a string.
  .refine(isOrigin, "must be origins like https://example.com, in lower case and without a trailing slash");

const proxyNames = ["loopback", "linklocal", "uniquelocal"];
const proxy = z.union([z.enum(proxyNames), z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], {
  error: `must be a number of proxies, or addresses, CIDR ranges, ${proxyNames.join(", ")}`,
});

/** The settings of the API and the stream. */
export const clientSettings = z.object({
  STREAM_PORT: portSetting.default(4101).register(settingDocs, {
    topic: "addresses",
    description: "Port of the stream: WebSocket and socket.io.",
  }),
  CORS_ORIGINS: listSetting()
    .pipe(z.array(z.union([z.literal("*"), origin])))
    .register(settingDocs, {
      topic: "access",
      description:
        "Origins of web pages that may use the API and the stream, separated by blanks or commas; `*` allows all.",
    }),
  TRUST_PROXY: z
    .string()
    .default("0")
    .transform((text) => (/^\d$/.test(text) ? Number(text) : itemsOf(text)))
    .pipe(z.union([z.int(), z.array(proxy)]))
    .register(settingDocs, {
      topic: "access",
      description:
        "Proxies in front of API and stream whose `X-Forwarded-For` is trusted: how many in a row, or addresses, CIDR ranges, `loopback`, `linklocal`, `uniquelocal`.",
    }),
});

const minKeyChars = 32;
const signingKey = z.string().min(minKeyChars, `must have at least ${minKeyChars} characters`);

/** The settings of processes that sign or verify tokens and URLs. One of the three is required, see `withSigningKeys`. */
const signingSettings = z.object({
  SIGNING_KEYS_FILE: z.string().min(1).optional().register(settingDocs, {
    topic: "access",
    description:
      "File of the secrets that sign tokens and upload URLs, one a line, the newest first. It is read again when it is replaced. One of `SIGNING_KEYS_FILE`, `SIGNING_KEYS` and `SIGNING_KEY` is required; if several are set, the first of these applies.",
    npmStart: "`DATA_DIR/signing-key`, generated once",
  }),
  SIGNING_KEYS: z
    .string()
    .transform((text) => itemsOf(text))
    .pipe(z.array(signingKey).min(1, "must contain a key"))
    .optional()
    .register(settingDocs, {
      topic: "access",
      description: `The secrets that sign tokens and upload URLs, separated by blanks or commas, the newest first: each of at least ${minKeyChars} characters, the same for all processes. An older one may be removed once the tokens and upload URLs that it signed have expired.`,
    }),
  SIGNING_KEY: signingKey.optional().register(settingDocs, {
    topic: "access",
    description: "Like `SIGNING_KEYS`, with a single secret.",
  }),
});

/** @returns the schema extended by signing keys, at least one of which is required. */
export function withSigningKeys<Shape extends z.ZodRawShape>(schema: z.ZodObject<Shape>) {
  return schema.extend(signingSettings.shape).refine(hasSigningKey, {
    path: ["SIGNING_KEY"],
    error: "is required, or SIGNING_KEYS, or SIGNING_KEYS_FILE",
    // Checked even when other settings are invalid, so that all problems are reported at once.
    when: () => true,
  });
}

/**
 * @returns the file of the signing keys, or the keys, newest first.
 * SIGNING_KEYS_FILE overrides SIGNING_KEYS, which overrides SIGNING_KEY.
 */
export function signingKeysFrom(
  config: z.output<typeof signingSettings>,
): readonly string[] | { file: string } {
  if (config.SIGNING_KEYS_FILE !== undefined) return { file: config.SIGNING_KEYS_FILE };
  return config.SIGNING_KEYS ?? (config.SIGNING_KEY === undefined ? [] : [config.SIGNING_KEY]);
}

function hasSigningKey(config: Partial<Record<keyof z.output<typeof signingSettings>, unknown>>): boolean {
  return [config.SIGNING_KEY, config.SIGNING_KEYS, config.SIGNING_KEYS_FILE].some(
    (value) => value !== undefined,
  );
}

function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}
