// What tests take from the environment.

const { env } = process;

/** A service that is missing fails the tests that need it, by name, instead of leaving them out. */
export const servicesRequired: boolean = env["CI"] !== undefined && env["CI"] !== "" && env["CI"] !== "false";

/** What the ids of tests' installations begin with; it tells one clone's from another's. */
export const testsOf: string = env["TESTS_OF"] || "test";

/** A Redis to use instead of a private one. */
export const testRedisUrl: string | undefined = env["TEST_REDIS_URL"] || undefined;

/** A MongoDB server to use instead of a private one; files take databases of their own on it. */
export const testMongoUrl: string | undefined = env["MONGO_URL"] || undefined;

/** The browser to use, instead of the one the distribution puts in its usual place. */
export const chromiumPath: string | undefined = env["CHROMIUM_PATH"] || undefined;
