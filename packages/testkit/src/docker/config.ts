// The Docker Engine and stack image for tests, from the environment.

const { env } = process;

export const dockerHost: string | undefined = env["DOCKER_HOST"] || undefined;

/** An image on the engine for builds and releases, instead of the one that setup built. */
export const stackImage: string | undefined = env["STACK_IMAGE"] || undefined;
