// Which Docker Engine and stack image tests use, as the environment says.

const { env } = process;

export const dockerHost: string | undefined = env["DOCKER_HOST"] || undefined;

/** An image on the engine to build and run in, instead of the one that set-up built. */
export const stackImage: string | undefined = env["STACK_IMAGE"] || undefined;
