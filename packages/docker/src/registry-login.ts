// The login for the installation's registry, which no other registry receives.

export interface RegistryAuth {
  readonly username: string;
  readonly password: string;
  /** `host:port` of the registry, which the names of its images begin with. */
  readonly serverAddress: string;
}

/** The login as the Docker client expects it. */
interface AuthConfig {
  readonly username: string;
  readonly password: string;
  readonly serveraddress: string;
}

/**
 * An engine sends the login to whichever registry the image's name begins with: it ignores `serveraddress`. Users name images too.
 * @param reference of the image that the engine pulls or pushes.
 * @returns undefined for an image of another registry than the login's.
 */
export function loginFor(reference: string, auth: RegistryAuth | undefined): AuthConfig | undefined {
  if (auth === undefined || !reference.startsWith(`${auth.serverAddress}/`)) return undefined;
  const { username, password, serverAddress: serveraddress } = auth;
  return { username, password, serveraddress };
}

/** As `loginFor`, with an empty login instead of none: engines refuse a push without one, also to a registry that needs none. */
export function loginOrEmpty(reference: string, auth: RegistryAuth | undefined): AuthConfig {
  return loginFor(reference, auth) ?? { username: "", password: "", serveraddress: "" };
}
