// The environment variables that tests read.

const { env } = process;

/** Whether a missing service fails the tests that need it, by name, instead of skipping them. */
export const servicesRequired: boolean = env["CI"] !== undefined && env["CI"] !== "" && env["CI"] !== "false";

/** The prefix of the ids of tests' installations; it differs between clones. */
export const testsOf: string = env["TESTS_OF"] || "test";

/** A Redis to use instead of a private one. */
export const testRedisUrl: string | undefined = env["TEST_REDIS_URL"] || undefined;

/** A MongoDB server to use instead of a private one; each test file uses its own database on it. */
export const testMongoUrl: string | undefined = env["MONGO_URL"] || undefined;

/** The browser to use instead of the distribution's. */
export const chromiumPath: string | undefined = env["CHROMIUM_PATH"] || undefined;
