// The environments of the programs that setup and the commands start.

type Environment = Readonly<Record<string, string | undefined>>;

/** Variables that a program needs on this machine: temporary files, certificate authorities. */
const machineVariables = ["HOME", "TMPDIR", "TESTS_OF", "NODE_EXTRA_CA_CERTS"];
/** Access to the engine. */
const engineVariables = ["DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY", "SSH_AUTH_SOCK"];

/** The environment of this process, with additional or replaced variables. */
export function inheritedEnvironment<Added extends Environment>(added: Added): NodeJS.ProcessEnv & Added {
  return { ...process.env, ...added };
}

/** The environment of an app, without its settings: variables that the shell exported must not configure it. */
export function machineEnvironment({ usesEngine = false } = {}): NodeJS.ProcessEnv {
  const names = usesEngine ? [...machineVariables, ...engineVariables] : machineVariables;
  const set = names.filter((name) => process.env[name] !== undefined);
  return { ...bareEnvironment(), ...Object.fromEntries(set.map((name) => [name, process.env[name]])) };
}

/** The environment of a service that no variable may configure: only its search path, home and locale. */
export function bareEnvironment(): NodeJS.ProcessEnv {
  return { PATH: searchPath(), HOME: process.env["HOME"] ?? "/", LANG: "C.UTF-8" };
}

/** The folders in which programs are searched: those of PATH, then the system's, which a user's PATH may lack. */
export function searchPath(): string {
  return [process.env["PATH"], "/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"]
    .filter(Boolean)
    .join(":");
}
