// The worker's configuration: the schema of its environment variables, and the grouped values that the worker uses.

import { type Destination, parseDestination } from "@slipway/docker";
import { builderKinds } from "@slipway/core";
import { z } from "zod";
import { parseMirror } from "./buildpacks/mirrors.ts";
import type { Mirror } from "./buildpacks/mirrors.ts";
import {
  appUrl,
  appUrlSettings,
  blobSettings,
  commonConfig,
  commonSettings,
  configFrom,
  countSetting,
  deploymentSettings,
  httpUrlSetting,
  limitSetting,
  listSetting,
  mebibytesSetting,
  regionSettings,
  settingDocs,
  stackSettings,
  stacksOf,
  storageUrls,
  traceCollector,
  traceSettings,
} from "@slipway/service";
import type { Environment } from "@slipway/service";

/** Name of a container runtime, as in the engine's daemon.json. */
const runtimeSetting = z.string().regex(/^[\w.-]+$/, "must be the name of a container runtime");

const destinationsSetting = listSetting().transform((items, context) =>
  items.flatMap((item): readonly Destination[] => {
    const destination = parseDestination(item);
    if (destination !== null) return [destination];
    context.addIssue(`${item} is neither an address nor a CIDR range, with an optional port: 10.1.2.3:5432`);
    return [];
  }),
);

const buildersSetting = listSetting()
  .transform((items): readonly string[] => (items.length === 0 ? ["buildpacks"] : items))
  .pipe(z.array(z.enum(builderKinds, `must be some of ${builderKinds.join(", ")}`)));

const mirrorsSetting = listSetting().transform((items, context) =>
  items.flatMap((item): readonly Mirror[] => {
    const mirror = parseMirror(item);
    if (mirror !== null) return [mirror];
    context.addIssue(`${item} is not a pair of URLs: https://github.com/=https://git.example.com/github/`);
    return [];
  }),
);

const cpusSetting = z.coerce.number().positive();

/** The services that builds and releases use, and how many of them run. */
const serviceSettings = z.object({
  REGISTRY_URL: httpUrlSetting().register(settingDocs, {
    topic: "services",
    description:
      "URL of the image registry. User name and password may be part of it; engines pull with them too.",
    npmStart: "a private server",
  }),
  REGISTRY_PULL_HOST: z
    .string()
    .regex(/^[\w.-]+(:\d+)?$/, "must be a host, or host:port")
    .optional()
    .register(settingDocs, {
      topic: "services",
      description:
        "`host:port` of the registry as engines see it, where that differs from what workers see. It is part of image names, also of `STACK_IMAGE` and `STACK_BUILD_IMAGE`.",
      unset: "the host of `REGISTRY_URL`",
    }),
  DOCKER_HOST: z.string().min(1).optional().register(settingDocs, {
    topic: "services",
    description:
      "Docker Engine that runs builds; it also runs releases unless `SCHEDULER_DOCKER_HOST` is set.",
    unset: "the default socket",
  }),
  SCHEDULER_DOCKER_HOST: z.string().min(1).optional().register(settingDocs, {
    topic: "services",
    description: "Docker Engine that runs releases.",
    unset: "`DOCKER_HOST`",
  }),
  CONCURRENCY: countSetting.optional().register(settingDocs, {
    topic: "queue",
    description:
      "Build slots: deployments that one worker builds at the same time. Computed by default: 1 to 16, as many builds as the CPUs and three quarters of the memory of the worker's share of its engine allow.",
    unset: "computed",
  }),
  START_CONCURRENCY: limitSetting.default(16).register(settingDocs, {
    topic: "queue",
    description:
      "Deployments that one worker runs beside those that build: their hooks run and their apps start. `0`: none, the worker takes its next deployment when one has ended.",
  }),
  OPERATION_CONCURRENCY: countSetting.default(8).register(settingDocs, {
    topic: "queue",
    description:
      "Restarts, scalings and deployments of earlier releases that one worker runs at the same time, beside its other deployments.",
  }),
  ENGINE_WORKERS: countSetting.default(1).register(settingDocs, {
    topic: "queue",
    description:
      "Workers that build on the same engine. Each takes an equal share of it to compute `CONCURRENCY`.",
    npmStart: "`WORKERS`",
  }),
  LEASE_MS: countSetting.default(30_000).register(settingDocs, {
    topic: "queue",
    description: "How long a job stays assigned to a worker that sends no heartbeat.",
    unit: "ms",
  }),
  RECONCILE_MS: countSetting.default(5_000).register(settingDocs, {
    topic: "queue",
    description: "Interval in which all lanes are reconciled, in case a wake-up was lost.",
    unit: "ms",
  }),
  ALLOWED_PRIVATE_HOSTS: listSetting().register(settingDocs, {
    topic: "access",
    description:
      "Hosts that source and webhook URLs may name although they are not on the public internet: `host`, `host:port`, address or CIDR range, separated by blanks or commas.",
  }),
  EGRESS: z.enum(["guarded", "open"]).default("guarded").register(settingDocs, {
    topic: "access",
    description:
      "`guarded`: builds, hooks and releases reach the public internet and `EGRESS_ALLOW` only, and a worker starts only if that is so. `open`: they reach whatever their engine's host reaches.",
  }),
  EGRESS_ALLOW: destinationsSetting.register(settingDocs, {
    topic: "access",
    description:
      "What builds, hooks and releases reach besides the public internet: addresses and CIDR ranges, each with an optional port (`10.1.2.0/24`, `10.1.2.3:5432`, `[fd00::1]:443`), separated by blanks or commas. The same for all workers.",
  }),
  GITHUB_API_URL: httpUrlSetting()
    .default("https://api.github.com")
    .transform((url) => url.replace(/\/+$/, ""))
    .register(settingDocs, {
      topic: "services",
      description: "API that commit statuses are sent to; set it for GitHub Enterprise.",
    }),
});

const buildSettings = z.object({
  BUILDERS: buildersSetting.register(settingDocs, {
    topic: "builds",
    description:
      "Builders that apps may use, separated by blanks or commas: `buildpacks`, `cnb`, `dockerfile`. The steps of a Dockerfile run as root in containers of the engine ([security](security.md)).",
    unset: "`buildpacks`",
  }),
  CNB_BUILDER: z.string().min(1).optional().register(settingDocs, {
    topic: "builds",
    description:
      "Builder image of Cloud Native Buildpacks for apps that set none ([Cloud Native Buildpacks](cnb.md)). It and its run image may be in the installation's registry.",
    unset: "none",
  }),
  BUILD_TIMEOUT_MS: countSetting.default(30 * 60_000).register(settingDocs, {
    topic: "builds",
    description: "Longest duration of a build.",
    unit: "ms",
  }),
  BUILD_SILENCE_MS: countSetting.default(10 * 60_000).register(settingDocs, {
    topic: "builds",
    description: "How long a build may write no output before it is ended.",
    unit: "ms",
  }),
  BUILD_MEMORY_MB: mebibytesSetting(2_048).register(settingDocs, {
    topic: "builds",
    description: "Memory of a build; there is no swap.",
    unit: "MiB",
  }),
  BUILD_CPUS: cpusSetting.default(2).register(settingDocs, {
    topic: "builds",
    description: "CPUs of a build; may be a fraction.",
  }),
  BUILD_PIDS: countSetting.default(512).register(settingDocs, {
    topic: "builds",
    description: "Processes and threads of a build.",
  }),
  BUILD_DISK_MB: mebibytesSetting(4_096).register(settingDocs, {
    topic: "builds",
    description:
      "Space that a build may use, including source, dependencies and cache. No file may be larger.",
    unit: "MiB",
  }),
  BUILD_TMPFS_MB: mebibytesSetting(512).register(settingDocs, {
    topic: "builds",
    description: "Size of the build's `/tmp` and of its `/app`, each; counts as memory.",
    unit: "MiB",
  }),
  BUILD_CA_BUNDLE: z.string().min(1).optional().register(settingDocs, {
    topic: "builds",
    description: "File of certificate authorities, in PEM, that builds trust in addition.",
    npmStart: "`NODE_EXTRA_CA_CERTS`",
  }),
  BUILD_NPM_REGISTRY: z.url().optional().register(settingDocs, {
    topic: "builds",
    description: "npm registry of builds, which is also the source of Node.js for apps.",
    npmStart: "the registry that npm is configured for",
  }),
  BUILD_PYTHON_INDEX: z.url().default("https://pypi.org/simple/").register(settingDocs, {
    topic: "builds",
    description: "Python package index of builds, which is also the source of uv. Apps may name another one.",
  }),
  BUILD_GO_PROXY: z.url().default("https://proxy.golang.org").register(settingDocs, {
    topic: "builds",
    description:
      "Module proxy of Go for builds, which is also the source of Go's toolchains. Apps may name others for their modules with `GOPROXY`.",
  }),
  BUILD_GO_SUMDB: z.string().default("sum.golang.org").register(settingDocs, {
    topic: "builds",
    description:
      "Checksum database of Go, as `GOSUMDB`: its name, or its key (`name+id+key`) and, after a space, its URL; `off` for none.",
  }),
  PYTHON_MIRROR: z.url().optional().register(settingDocs, {
    topic: "builds",
    description:
      "Folder with a release of python-build-standalone (its `SHA256SUMS` and archives): versions of Python for apps besides the stack's.",
    unset: "the stack's Python only",
  }),
  BUILDPACK_MIRRORS: mirrorsSetting.register(settingDocs, {
    topic: "builds",
    description:
      "What replaces the beginning of buildpacks' URLs, for installations that do not reach them: `PREFIX=URL`, separated by blanks or commas, as in `https://github.com/=https://git.example.com/github/`. A mirror on a private address must also be in `ALLOWED_PRIVATE_HOSTS`.",
  }),
  BUILD_RUNTIME: runtimeSetting.optional().register(settingDocs, {
    topic: "builds",
    description: "Container runtime of builds, which their engine must have: `runsc` (gVisor), `kata`….",
    unset: "the engine's default",
  }),
  BUILD_CGROUP_PARENT: z.string().min(1).optional().register(settingDocs, {
    topic: "builds",
    description:
      "Control group of the engine's host, such as `slipway-builds.slice`, that the steps of Dockerfiles run in, and whose limits they share. Engines before version 23 ignore it and use that of their own configuration.",
    unset: "the engine's",
  }),
  SOURCE_MAX_ENTRIES: countSetting.default(200_000).register(settingDocs, {
    topic: "builds",
    description:
      "Most files, folders and links in a source, including folders that only occur in the paths of others.",
  }),
  IMAGE_MAX_MB: mebibytesSetting(2_048).register(settingDocs, {
    topic: "builds",
    description: "Largest layer of a built app, uncompressed.",
    unit: "MiB",
  }),
  CACHE_MAX_MB: mebibytesSetting(1_024).register(settingDocs, {
    topic: "builds",
    description:
      "Largest build cache, compressed. A larger one is deleted, and so is one that unpacks to more than half of `BUILD_DISK_MB`.",
    unit: "MiB",
  }),
  SNAPSHOTS_MAX_MB: mebibytesSetting(10_240).register(settingDocs, {
    topic: "builds",
    description:
      "Disk space on each engine for the dependencies that builds start from. Beyond it those of the apps that were not built for longest are removed, and installed again by their next build.",
    unit: "MiB",
  }),
  LOG_MAX_MB: mebibytesSetting(64).register(settingDocs, {
    topic: "builds",
    description:
      "Most output of a deployment that its log stores, of all its attempts. Beyond it the build continues, and the log says that output is missing.",
    unit: "MiB",
  }),
});

const releaseSettings = z.object({
  SCHEDULER: z.enum(["docker", "swarm"]).default("docker").register(settingDocs, {
    topic: "releases",
    description:
      "Where releases run: on one engine, or on the Docker Swarm that `SCHEDULER_DOCKER_HOST` is a manager of.",
  }),
  SCHEDULER_NETWORK: z.string().min(1).optional().register(settingDocs, {
    topic: "releases",
    description:
      "Network that releases join, with labels for a Traefik on it that routes the host name of an app's URL to them; on a swarm an overlay network.",
    unset: "a network of the installation",
  }),
  RELEASES_HOST: z.string().min(1).optional().register(settingDocs, {
    topic: "releases",
    description: "Interface of the releases' engine, by name or address, that their ports are published on.",
    unset: "`127.0.0.1`, on a remote engine all interfaces",
  }),
  RELEASES_KEPT: countSetting.min(2).default(10).register(settingDocs, {
    topic: "releases",
    description:
      "Releases of an app whose images are kept, so that they can be deployed again. The current and the previous one are always kept.",
  }),
  DEPLOYMENTS_KEPT_DAYS: countSetting.min(1).default(90).register(settingDocs, {
    topic: "releases",
    description:
      "Days that ended deployments are kept, with their logs and releases. Deployments of releases that can be deployed again are always kept.",
  }),
  DEPLOYMENTS_KEPT_MIN: countSetting.min(1).default(50).register(settingDocs, {
    topic: "releases",
    description: "Newest deployments of each app that are kept, however old they are.",
  }),
  APP_MEMORY_MB: mebibytesSetting(512).register(settingDocs, {
    topic: "releases",
    description: "Memory of a release's container.",
    unit: "MiB",
  }),
  APP_CPUS: cpusSetting.default(1).register(settingDocs, {
    topic: "releases",
    description: "CPUs of a release's container; may be a fraction.",
  }),
  APP_PIDS: countSetting.default(512).register(settingDocs, {
    topic: "releases",
    description: "Processes and threads of a release's container.",
  }),
  APP_RUNTIME: runtimeSetting.optional().register(settingDocs, {
    topic: "releases",
    description:
      "Container runtime of releases and hooks, which their engine must have. Not on a swarm, where the default runtime of each node applies.",
    unset: "the engine's default",
  }),
  APP_DISK_MB: mebibytesSetting(2_048).register(settingDocs, {
    topic: "releases",
    description:
      "Space that a release's container may use besides its image, and that a postdeploy hook may use. No file may be larger.",
    unit: "MiB",
  }),
  HOOK_TIMEOUT_MS: countSetting.default(20 * 60_000).register(settingDocs, {
    topic: "releases",
    description: "Longest duration of a postdeploy hook.",
    unit: "ms",
  }),
  BOOT_TIMEOUT_MS: countSetting.default(60_000).register(settingDocs, {
    topic: "releases",
    description: "How long `web` has until it accepts connections.",
    unit: "ms",
  }),
  STOP_GRACE_MS: countSetting.default(30_000).register(settingDocs, {
    topic: "releases",
    description:
      "How long an instance has between SIGTERM and SIGKILL. Applies to instances that start after a change.",
    unit: "ms",
  }),
  DRAIN_MS: countSetting.default(10_000).register(settingDocs, {
    topic: "releases",
    description: "How long requests to a replaced release may take to end before they are cut off.",
    unit: "ms",
  }),
});

const dayMs = 86_400_000;

/** Address of the engine when none is configured. */
export const defaultDockerHost = "unix:///var/run/docker.sock";

const minKeyChars = 32;

/** The key that signs receipts. One of the two is required. */
const receiptSettings = z.object({
  RECEIPT_KEY_FILE: z.string().min(1).optional().register(settingDocs, {
    topic: "access",
    description:
      "File with the secret from which the key that signs receipts of builds is derived. It is read again for each receipt. One of `RECEIPT_KEY_FILE` and `RECEIPT_KEY` is required; if both are set, the file applies.",
    npmStart: "`DATA_DIR/receipt-key`, generated once",
  }),
  RECEIPT_KEY: z
    .string()
    .min(minKeyChars, `must have at least ${minKeyChars} characters`)
    .optional()
    .register(settingDocs, {
      topic: "access",
      description: `The secret itself: at least ${minKeyChars} characters, the same for all workers. It may be replaced at any time: receipts stay valid.`,
    }),
});

/** Every variable that a worker reads. */
export const settings = commonSettings
  .extend({
    ...blobSettings.shape,
    ...appUrlSettings.shape,
    ...deploymentSettings.shape,
    ...regionSettings.shape,
    ...traceSettings.shape,
    ...stackSettings.shape,
    ...serviceSettings.shape,
    ...buildSettings.shape,
    ...releaseSettings.shape,
    ...receiptSettings.shape,
  })
  .refine((config) => (config.RECEIPT_KEY ?? config.RECEIPT_KEY_FILE) !== undefined, {
    path: ["RECEIPT_KEY"],
    error: "is required, or RECEIPT_KEY_FILE",
    // also when other settings are invalid, so that all problems are reported at once
    when: () => true,
  });

/** The parsed configuration, grouped by subject. Sizes are in bytes, durations in milliseconds. */
export type WorkerConfig = ReturnType<typeof grouped>;

/** @throws {SlipwayError} "configuration-invalid" that lists every problem. */
export function readConfig(environment: Environment): WorkerConfig {
  return grouped(configFrom(settings, environment));
}

function grouped(parsed: z.output<typeof settings>) {
  const stacks = stacksOf(parsed);
  return {
    ...commonConfig(parsed, "worker"),
    traces: traceCollector(parsed),
    blobsUrl: storageUrls(parsed).blobsUrl,
    region: parsed.REGION_NAME,
    /** The default one first. */
    stacks,
    /** Name of the default stack. Builds of an app with another stack use that stack's name. */
    stackName: stacks[0].name,
    /** What releases run on. */
    stackImage: stacks[0].run,
    /** What builds run in. */
    stackBuildImage: stacks[0].build,
    appUrl: (name: string): string => appUrl(parsed, name),
    registry: { url: parsed.REGISTRY_URL, pullHost: parsed.REGISTRY_PULL_HOST },
    engine: { dockerHost: parsed.DOCKER_HOST, workers: parsed.ENGINE_WORKERS },
    scheduler: {
      kind: parsed.SCHEDULER,
      dockerHost: parsed.SCHEDULER_DOCKER_HOST ?? parsed.DOCKER_HOST,
      network: parsed.SCHEDULER_NETWORK,
      publishHost: parsed.RELEASES_HOST,
    },
    egress: { guarded: parsed.EGRESS === "guarded", open: parsed.EGRESS_ALLOW },
    /** Container runtimes; undefined for the engine's default. */
    runtimes: { builds: parsed.BUILD_RUNTIME, releases: parsed.APP_RUNTIME },
    concurrency: {
      builds: parsed.CONCURRENCY,
      starts: parsed.START_CONCURRENCY,
      operations: parsed.OPERATION_CONCURRENCY,
    },
    builders: parsed.BUILDERS,
    cnbBuilder: parsed.CNB_BUILDER,
    build: {
      memoryBytes: parsed.BUILD_MEMORY_MB,
      cpus: parsed.BUILD_CPUS,
      pids: parsed.BUILD_PIDS,
      diskBytes: parsed.BUILD_DISK_MB,
      tmpfsBytes: parsed.BUILD_TMPFS_MB,
      caBundlePath: parsed.BUILD_CA_BUNDLE,
      cgroupParent: parsed.BUILD_CGROUP_PARENT,
      npmRegistry: parsed.BUILD_NPM_REGISTRY,
      goProxy: parsed.BUILD_GO_PROXY,
      goChecksumDatabase: parsed.BUILD_GO_SUMDB,
      pythonIndex: parsed.BUILD_PYTHON_INDEX,
      pythonMirror: parsed.PYTHON_MIRROR,
      buildpackMirrors: parsed.BUILDPACK_MIRRORS,
    },
    /** Limits of each instance of a release, and of its hook. */
    instance: {
      memoryBytes: parsed.APP_MEMORY_MB,
      cpus: parsed.APP_CPUS,
      pids: parsed.APP_PIDS,
      diskBytes: parsed.APP_DISK_MB,
    },
    limits: {
      sourceBytes: parsed.SOURCE_MAX_MB,
      sourceEntries: parsed.SOURCE_MAX_ENTRIES,
      imageBytes: parsed.IMAGE_MAX_MB,
      cacheBytes: parsed.CACHE_MAX_MB,
      snapshotsBytes: parsed.SNAPSHOTS_MAX_MB,
      logBytes: parsed.LOG_MAX_MB,
      slotsPerOwner: parsed.OWNER_SLOTS,
      reservedSlots: parsed.RESERVED_SLOTS,
    },
    timing: {
      leaseMs: parsed.LEASE_MS,
      reconcileMs: parsed.RECONCILE_MS,
      sourceTimeoutMs: parsed.SOURCE_TIMEOUT_MS,
      buildTimeoutMs: parsed.BUILD_TIMEOUT_MS,
      buildSilenceMs: parsed.BUILD_SILENCE_MS,
      hookTimeoutMs: parsed.HOOK_TIMEOUT_MS,
      bootTimeoutMs: parsed.BOOT_TIMEOUT_MS,
      stopGraceMs: parsed.STOP_GRACE_MS,
      drainMs: parsed.DRAIN_MS,
    },
    /** The secret that the key of receipts is derived from. */
    receiptKey:
      parsed.RECEIPT_KEY_FILE === undefined
        ? { secret: parsed.RECEIPT_KEY ?? "" }
        : { file: parsed.RECEIPT_KEY_FILE },
    releasesKept: parsed.RELEASES_KEPT,
    deploymentsKept: { ageMs: parsed.DEPLOYMENTS_KEPT_DAYS * dayMs, minCount: parsed.DEPLOYMENTS_KEPT_MIN },
    allowedPrivateHosts: parsed.ALLOWED_PRIVATE_HOSTS,
    githubApiUrl: parsed.GITHUB_API_URL,
  };
}
