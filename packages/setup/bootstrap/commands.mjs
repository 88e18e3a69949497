// The commands of this repository: their programs and their `--help` texts.

const variables = `
Variables: DATA_DIR (.slipway), API_PORT (4100), STREAM_PORT (4101), ROUTER_PORT (4180), WORKERS (2),
BOOTSTRAP_TOKEN, REDIS_URL, REGISTRY_URL, STACK_IMAGE, DOCKER_HOST, BUILD_NPM_REGISTRY, BUILD_CA_BUNDLE`;

export const commands = {
  quickstart: {
    program: "apps/cli/src/quickstart.ts",
    summary: "set up, start, and deploy a sample app end to end",
    help: `Usage: npm run quickstart [-- --once]

Sets up what is missing, starts Slipway, deploys samples/hello-node, follows its log, requests its page, and
keeps running until Ctrl-C.

  --once   exit after the request of the page: with code 0, or with another code and the reason
${variables}`,
  },
  start: {
    program: "apps/cli/src/start.ts",
    summary: "set up and run the API, the stream, the router and the workers in the foreground",
    help: `Usage: npm start

Sets up what is missing, then runs the API, the stream, the router and the workers until Ctrl-C, which lets running work finish;
a second Ctrl-C kills them at once.
${variables}`,
  },
  user: {
    program: "apps/cli/src/user.ts",
    summary: "create, change and delete users",
    help: `Usage: npm run user -- create USERNAME --email EMAIL [--fullname NAME] [--operator] [--no-password]
       npm run user -- change USERNAME [--email EMAIL] [--fullname NAME] [--operator | --no-operator]
       npm run user -- password USERNAME
       npm run user -- token USERNAME [--name NAME]
       npm run user -- list
       npm run user -- delete USERNAME

Works on the database in DATA_DIR, or at DATABASE_URL, whether Slipway runs or not. Passwords are read from a prompt, or from
the first line of standard input. "token" prints a new API token.`,
  },
  slipway: {
    program: "apps/cli/src/slipway.ts",
    summary: "deploy apps, and show and change them",
    hasSubcommands: true,
    help: `Usage: npm run slipway -- COMMAND [--help]

Commands: login, logout, whoami, deploy, status, deployments, logs, receipt, sbom, open, abort, rollback, ps, scale, restart, env,
apps, workers, queue, completion. Each has a --help with examples; docs/cli.md describes them and the exit codes.`,
  },
  "rotate-keys": {
    program: "apps/cli/src/rotate-keys.ts",
    summary: "sign tokens and upload URLs with a new key from now on",
    help: `Usage: npm run rotate-keys [-- --now]

Generates a new signing key in DATA_DIR/signing-key. Running processes load it without a restart. Signatures of the two keys
before it stay valid, so clients are not affected. API tokens and passwords do not depend on the key.

  --now   drop the former keys, because one was leaked: JWTs become invalid at once, and clients exchange their API token again`,
  },
  "registry-gc": {
    program: "apps/cli/src/registry-gc.ts",
    summary: "free the registry's disk of what no image contains",
    help: `Usage: npm run registry-gc [-- --dry-run]

Deletes from the private registry what no image contains any more, while Slipway runs. Builds wait before their push until it is
done, at least 10 s; pulls continue. If the command is killed, pushes continue within a minute; repeat it to complete it. The last line says
how many bytes of disk were freed.

With docker-compose.yml: docker compose exec worker node apps/cli/src/registry-gc.ts [--dry-run]

  --dry-run   delete nothing, and say what would be deleted; nothing waits`,
  },
  down: {
    program: "apps/cli/src/down.ts",
    summary: "stop and remove everything this clone started",
    help: `Usage: npm run down [-- --data]

Stops Slipway here, removes its containers, volumes and networks, and stops the services that setup started.

  --data   delete the data directory and this clone's images too`,
  },
  test: {
    program: "tools/src/test.ts",
    summary: "run the tests on real, private services",
    help: `Usage: npm test [-- vitest's arguments]

Sets up services for the tests under DATA_DIR/test, runs vitest, and stops those services. Its last line is
"N passed, N failed"; before it are the failures, and what could not be stopped or removed.`,
  },
  "config-docs": {
    program: "tools/src/config-docs.ts",
    summary: "generate the configuration's documents from its schemas",
    help: `Usage: npm run config-docs [-- --check]

Writes docs/configuration.md, .env.example and the environment blocks of docker-compose.yml.

  --check   write nothing, and exit with code 1 when one of them is out of date`,
  },
  check: {
    program: "tools/src/check.ts",
    summary: "format, lint, types, boundaries, configuration, spelling, words, commit messages, unused code",
    help: `Usage: npm run check

Runs every check even when one fails, and ends with a summary.`,
  },
  "stand-ins": {
    program: "tools/src/stand-ins.ts",
    summary: "build local replacements of the public images that docker-compose.yml uses",
    help: `Usage: npm run stand-ins

Pulls node:24-bookworm-slim, redis:7, registry:2, mongo:8 and debian:bookworm-slim. For those that cannot be pulled it builds
images named slipway-stand-in/… from the distribution's packages, and prints how to use them. That needs root.`,
  },
  bench: {
    program: "tools/src/bench.ts",
    summary: "run the benchmarks in bench/",
    help: `Usage: npm run bench [-- name...]

Sets up services under DATA_DIR/bench and runs every bench/*.bench.ts, or those whose file name contains one of the names.`,
  },
  chaos: {
    program: "tools/src/chaos.ts",
    summary: "inject faults under load, and check that nothing is lost",
    help: `Usage: npm run chaos [-- --faults N] [--seed S] [--database sqlite|mongodb]

Deploys, restarts, scales and aborts several apps with followers, while it kills, freezes, stops and cuts off processes, Redis and the
registry, one fault after the other. At the end it checks the invariants of ARCHITECTURE.md in the store, the engine and each
follower's record. A seed chooses the same faults and the same load again.

  --faults N     the number of faults (30)
  --seed S       any integer from 1 (1)
  --database D   sqlite, or mongodb: that of MONGO_URL, or the tests' own (sqlite)`,
  },
};

/** The list of all commands, printed when none or an unknown one is named. */
export function commandList() {
  const rows = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(14)}${summary}`);
  return `Usage: node packages/setup/bootstrap/run.mjs COMMAND [--help]\n\n${rows.join("\n")}`;
}
