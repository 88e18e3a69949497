// A receipt's content: an in-toto statement about an image, with SLSA provenance as its predicate.

import type { PhaseRecord } from "@slipway/core";

export interface ReceiptFacts {
  /** Name of the image's repository, without a host. */
  readonly imageName: string;
  /** `sha256:…` of the image's manifest. */
  readonly imageDigest: string;
  readonly installationId: string;
  /** Version of Slipway. */
  readonly version: string;
  readonly app: { readonly id: string; readonly name: string };
  readonly deployment: { readonly id: string; readonly number: number; readonly attempt: number };
  readonly startedAt: Date;
  readonly finishedAt: Date;
  readonly source: {
    /** URL of the archive, without credentials and parameters; null for an upload. */
    readonly url: string | null;
    readonly gitRef: string | null;
    /** Hexadecimal SHA-256 of the archive, or of the manifest or index of an existing image. */
    readonly sha256: string;
    /** Hexadecimal SHA-256 of the files in the archive, which does not depend on how they were packed; null for an image. */
    readonly treeSha256: string | null;
  };
  readonly builder: string;
  readonly buildpacks: readonly BuildpackFacts[];
  /** Versions of the toolchain's programs by name. */
  readonly toolchain: Readonly<Record<string, string>>;
  /** Reference of the base image of the app's files; null when the source names it. */
  readonly stackImage: string | null;
  readonly layers: readonly LayerFacts[];
  readonly phases: readonly PhaseRecord[];
}

export interface BuildpackFacts {
  /** `ID@VERSION` of a buildpack of a builder image. */
  readonly name: string;
  /** URL without credentials; null for a bundled buildpack, and one of a builder image. */
  readonly url: string | null;
  /** Revision of a repository, or `sha256:` and the SHA-256 of an archive; null without a URL. */
  readonly revision: string | null;
}

export interface LayerFacts {
  readonly digest: string;
  /** Compressed size. */
  readonly sizeBytes: number;
  /** Whether the layer comes from the stack, the toolchain or the app's previous image. */
  readonly reused: boolean;
}

interface ResourceDescriptor {
  readonly name: string;
  readonly uri?: string;
  readonly digest?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, unknown>>;
}

export interface Statement {
  readonly _type: "https://in-toto.io/Statement/v1";
  readonly subject: readonly [{ readonly name: string; readonly digest: { readonly sha256: string } }];
  readonly predicateType: typeof predicateType;
  readonly predicate: {
    readonly buildDefinition: {
      readonly buildType: string;
      readonly externalParameters: {
        readonly app: { readonly id: string; readonly name: string };
        readonly builder: string;
        readonly source: { readonly url: string | null; readonly gitRef: string | null };
      };
      readonly internalParameters: {
        readonly stack: string | null;
        readonly toolchain: Readonly<Record<string, string>>;
      };
      readonly resolvedDependencies: readonly ResourceDescriptor[];
    };
    readonly runDetails: {
      readonly builder: { readonly id: string; readonly version: { readonly slipway: string } };
      readonly metadata: {
        readonly invocationId: string;
        readonly startedOn: string;
        readonly finishedOn: string;
        readonly slipway_deployment: ReceiptFacts["deployment"];
        readonly slipway_cacheHit: boolean;
        readonly slipway_phases: readonly PhaseFacts[];
      };
      readonly byproducts: readonly ResourceDescriptor[];
    };
  };
}

interface PhaseFacts {
  readonly name: string;
  readonly durationMs: number;
  readonly reused: readonly string[];
}

export const predicateType = "https://slsa.dev/provenance/v1";
/** To be changed when readers must interpret receipts differently. */
const buildType = "urn:slipway:build:v1";

/** The statement about a build: an in-toto statement with SLSA provenance. */
export function statementAbout(facts: ReceiptFacts): Statement {
  const { app, builder, deployment, source, stackImage: stack, toolchain } = facts;
  return {
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ name: facts.imageName, digest: { sha256: hexOf(facts.imageDigest) } }],
    predicateType,
    predicate: {
      buildDefinition: {
        buildType,
        externalParameters: { app, builder, source: { url: source.url, gitRef: source.gitRef } },
        internalParameters: { stack, toolchain },
        resolvedDependencies: [sourceDescriptor(source), ...facts.buildpacks.map(buildpackDescriptor)],
      },
      runDetails: {
        builder: {
          id: `urn:slipway:installation:${facts.installationId}`,
          version: { slipway: facts.version },
        },
        metadata: {
          invocationId: `urn:slipway:deployment:${deployment.id}:${deployment.attempt}`,
          startedOn: facts.startedAt.toISOString(),
          finishedOn: facts.finishedAt.toISOString(),
          slipway_deployment: deployment,
          slipway_cacheHit: facts.phases.some(({ reused }) => reused.length > 0),
          slipway_phases: facts.phases.flatMap(phaseFacts),
        },
        byproducts: facts.layers.map(layerDescriptor),
      },
    },
  };
}

/** Names of the descriptors, by which readers find them. */
export const descriptorNames = { source: "source", buildpack: "buildpack", layer: "layer" } as const;

function sourceDescriptor({ url, sha256, treeSha256 }: ReceiptFacts["source"]): ResourceDescriptor {
  return {
    name: descriptorNames.source,
    ...(url === null ? {} : { uri: url }),
    digest: { sha256 },
    ...(treeSha256 === null ? {} : { annotations: { treeSha256 } }),
  };
}

function buildpackDescriptor({ name, url, revision }: BuildpackFacts): ResourceDescriptor {
  return {
    name: descriptorNames.buildpack,
    ...(url === null ? {} : { uri: url }),
    ...(revision === null ? {} : { digest: revisionDigest(revision) }),
    annotations: { buildpack: name },
  };
}

function revisionDigest(revision: string): Readonly<Record<string, string>> {
  return revision.startsWith("sha256:") ? { sha256: hexOf(revision) } : { gitCommit: revision };
}

function layerDescriptor({ digest, sizeBytes, reused }: LayerFacts): ResourceDescriptor {
  return {
    name: descriptorNames.layer,
    digest: { sha256: hexOf(digest) },
    annotations: { sizeBytes, reused },
  };
}

/** A running phase has no duration yet. */
function phaseFacts({ name, startedAt, finishedAt, reused }: PhaseRecord): readonly PhaseFacts[] {
  if (finishedAt === null) return [];
  return [{ name, durationMs: finishedAt.getTime() - startedAt.getTime(), reused }];
}

function hexOf(digest: string): string {
  return digest.slice(digest.indexOf(":") + 1);
}
