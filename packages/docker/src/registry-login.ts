// The login for the installation's registry, which must not be sent to other registries.

export interface RegistryAuth {
  readonly username: string;
  readonly password: string;
  /** `host:port` of the registry, the prefix of its images' names. */
  readonly serverAddress: string;
}

/** The login in the format of the Docker client. */
interface AuthConfig {
  readonly username: string;
  readonly password: string;
  readonly serveraddress: string;
}

/**
 * An engine sends the login to the registry in the image's name, and ignores `serveraddress`. Users can name images too.
 * @param reference the image that the engine pulls or pushes.
 * @returns undefined for an image of another registry than the login's.
 */
export function loginFor(reference: string, auth: RegistryAuth | undefined): AuthConfig | undefined {
  if (auth === undefined || !reference.startsWith(`${auth.serverAddress}/`)) return undefined;
  const { username, password, serverAddress: serveraddress } = auth;
  return { username, password, serveraddress };
}

/** Like `loginFor`, with an empty login instead of undefined: engines refuse a push without one, even if the registry needs none. */
export function loginOrEmpty(reference: string, auth: RegistryAuth | undefined): AuthConfig {
  return loginFor(reference, auth) ?? { username: "", password: "", serveraddress: "" };
}
