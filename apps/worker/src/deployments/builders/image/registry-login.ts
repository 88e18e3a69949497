// Reads the login for the registry that an image is copied from, out of the app's variable.

import { imageRegistryAuth, SlipwayError } from "@slipway/core";
import { z } from "zod";

export interface RegistryLogin {
  readonly username: string;
  readonly password: string;
}

/** The part of Docker's config.json that contains logins. `docker login` writes `auth`, the Base64 of name and password. */
const loginsSchema = z.object({
  auths: z.record(
    z.string(),
    z.object({
      auth: z.string().optional(),
      username: z.string().optional(),
      password: z.string().optional(),
    }),
  ),
});

/** Names under which Docker writes the login of Docker Hub. */
const dockerHub = ["docker.io", "https://index.docker.io/v1/", "index.docker.io"];

/**
 * @param text the variable's value; "" when it is not set.
 * @param host the host of the image's registry: no other registry receives the login.
 * @returns null when the variable contains no login for the host.
 * @throws {SlipwayError} "build-failed" when the variable is not in Docker's format. The message does not quote the variable.
 */
export function registryLogin(text: string, host: string): RegistryLogin | null {
  if (text.trim() === "") return null;
  const { auths } = parsed(text);
  const names = host === "docker.io" ? dockerHub : [host, `https://${host}`, `http://${host}`];
  const found = names.map((name) => auths[name]).find((login) => login !== undefined);
  if (found === undefined) return null;
  const { username, password, auth } = found;
  if (username !== undefined && password !== undefined) return { username, password };
  const [, name, secret] = /^([^:]+):(.+)$/s.exec(Buffer.from(auth ?? "", "base64").toString("utf8")) ?? [];
  if (name === undefined || secret === undefined)
    throw invalid(`has neither auth nor username and password for ${host}`);
  return { username: name, password: secret };
}

function parsed(text: string): z.output<typeof loginsSchema> {
  try {
    return loginsSchema.parse(JSON.parse(text));
  } catch {
    // The error's own text would quote the variable, which is a secret.
    throw invalid("is not in the format of Docker's config.json");
  }
}

function invalid(problem: string): SlipwayError {
  const example = `{"auths":{"registry.example.com":{"username":"…","password":"…"}}}`;
  return new SlipwayError(
    "build-failed",
    `The variable ${imageRegistryAuth} ${problem}: set it to ${example}`,
  );
}
