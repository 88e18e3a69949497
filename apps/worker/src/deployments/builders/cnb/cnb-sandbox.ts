// The sandbox of a build by Cloud Native Buildpacks, with its files: the source, the platform directory and the app's cache.

import { sourceTar } from "@slipway/archive";
import type { ExtraEntry } from "@slipway/archive";
import { caVariables, cnbDirectories, creatorCommand, platformVariables } from "@slipway/buildpacks";
import type { ProjectDescriptor } from "@slipway/buildpacks";
import type { BuildEngine, Sandbox } from "@slipway/core";
import type { NewEntry } from "@slipway/tar";
import type { WorkerConfig } from "../../../config.ts";
import { type Attempt, labelsOf } from "../../attempt.ts";
import { type CacheContext, type CacheKind, openIncludingCache } from "../../cache.ts";
import type { FetchedSource } from "../../phases/fetch.ts";
import type { UsedBuilder } from "./builder-image.ts";
import type { RegistryGateway } from "./registry-gateway.ts";

export type CnbSandboxContext = CacheContext & {
  readonly engine: Pick<BuildEngine, "createSandbox">;
  readonly config: Pick<WorkerConfig, "stacks" | "build"> & {
    readonly limits: Pick<WorkerConfig["limits"], "sourceBytes" | "sourceEntries">;
  };
  /** Content of the operator's CA bundle; null when there is none. */
  readonly caBundle: Buffer | null;
};

export interface CnbSandboxRequest {
  readonly fetched: FetchedSource;
  readonly builder: UsedBuilder;
  readonly descriptor: ProjectDescriptor | null;
  readonly gateway: RegistryGateway;
  /** Image references as the build sees them. Null when there is no previous image, or the builder image names the run image. */
  readonly previousImage: string | null;
  readonly runImage: string | null;
  readonly onCacheRestored: () => void;
}

const registryPort = 5000;
/** Address of the registry in the sandbox. Clients use plain HTTP on the loopback interface. */
export const registryAddress: string = `127.0.0.1:${registryPort}`;
const caBundlePath = "work/ca/bundle.pem";

/** Each builder image has its own cache, which other builder images cannot use. */
export function cacheKindOf({ reference, user }: UsedBuilder): CacheKind {
  return { stack: `cnb-${reference}`, owner: user };
}

/** @throws {SlipwayError} the errors of the source's archive and of the engine. In this case the sandbox is removed. */
export async function openCnbSandbox(
  context: CnbSandboxContext,
  attempt: Attempt,
  request: CnbSandboxRequest,
): Promise<Sandbox> {
  const open = async (cache: AsyncIterable<NewEntry> | null) => {
    await using owned = new AsyncDisposableStack();
    const sandbox = owned.use(await createSandbox(context, attempt, request));
    await upload(context, attempt, sandbox, { ...request, cache });
    owned.move();
    return sandbox;
  };
  const { builder, onCacheRestored: onRestored } = request;
  return await openIncludingCache(context, attempt, open, { kind: cacheKindOf(builder), onRestored });
}

async function createSandbox(
  { engine, config, caBundle }: CnbSandboxContext,
  attempt: Attempt,
  { builder, gateway, previousImage, runImage }: CnbSandboxRequest,
): Promise<Sandbox> {
  const { lease, app, variables, signal } = attempt;
  const { memoryBytes, cpus, pids, tmpfsBytes, diskBytes } = config.build;
  const image = `${registryAddress}/apps/${app.id}:${lease.deployment.id}`;
  return await engine.createSandbox(
    {
      image: builder.image,
      command: creatorCommand({ image, previousImage, runImage, variables }),
      environment: {
        CNB_PLATFORM_API: builder.platformApi,
        CNB_REGISTRY_AUTH: JSON.stringify({ [registryAddress]: gateway.authorization }),
        // The image's creation time, which makes the images of any two deployments different: the removal of an old image never removes a
        // new one.
        SOURCE_DATE_EPOCH: String(Math.floor(lease.deployment.createdAt.getTime() / 1000)),
        ...(caBundle === null ? {} : caVariables(`/${caBundlePath}`)),
      },
      labels: labelsOf(attempt),
      user: builder.user,
      loopback: { port: registryPort, image: config.stacks[0].run, handle: gateway.handle },
      limits: { memoryBytes, cpus, pids, tmpfsBytes, diskBytes },
    },
    signal,
  );
}

async function upload(
  { config: { limits }, caBundle }: CnbSandboxContext,
  { log, variables, signal }: Attempt,
  sandbox: Pick<Sandbox, "upload">,
  { fetched, builder, descriptor, cache }: CnbSandboxRequest & { cache: AsyncIterable<NewEntry> | null },
): Promise<void> {
  const { passed, withheld } = platformVariables(variables, descriptor?.environment ?? {});
  for (const name of withheld)
    log.line(` !     ${name} is not passed to the build: the name is reserved for the platform`);
  await using archive = await fetched.open();
  const tar = sourceTar(archive, {
    prefix: relative(cnbDirectories.app),
    limits: { maxUnpackedBytes: limits.sourceBytes, maxEntries: limits.sourceEntries },
    owner: builder.user,
    extra: platformEntries(passed, caBundle),
    ...(cache === null ? {} : { appended: cache }),
    signal,
  });
  await sandbox.upload("/", tar, signal);
}

/** The lifecycle writes into all of these directories, as its own user. */
function* platformEntries(
  variables: ReadonlyMap<string, string>,
  caBundle: Buffer | null,
): Generator<ExtraEntry> {
  const { layers, platform, cache } = cnbDirectories;
  for (const directory of [layers, platform, cache, `${platform}/env`])
    yield { kind: "directory", name: relative(directory), mode: 0o755 };
  const all = new Map([
    ...(caBundle === null ? [] : Object.entries(caVariables(`/${caBundlePath}`))),
    ...variables,
  ]);
  for (const [name, value] of all)
    yield {
      kind: "file",
      name: relative(`${platform}/env/${name}`),
      mode: 0o600,
      content: Buffer.from(value),
    };
  if (caBundle !== null) yield { kind: "file", name: caBundlePath, mode: 0o644, content: caBundle };
}

function relative(path: string): string {
  return path.slice(1);
}
