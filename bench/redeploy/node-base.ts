// The base image of the Dockerfiles: Slipway's own toolchain image, with the machine's npm registry and certificates.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openRegistry } from "@slipway/registry";
import { openFileBlobs } from "@slipway/store";
import { packTar } from "@slipway/testkit";
import {
  architectureOf,
  nodeToolchain,
  openNpmRegistry,
  openToolchains,
  resolveNode,
} from "@slipway/toolchains";
import { pull } from "../engine.ts";
import { buildImage } from "./docker-build.ts";
import type { BenchSlipway } from "../slipway.ts";

const certificates = "/etc/ssl/bench-certificates.pem";

/** @returns the image's tag, which is to be removed. */
export async function buildNodeBase({ docker, labels, environment }: BenchSlipway): Promise<string> {
  const tag = `slipway-bench-node:${environment.INSTALLATION_ID}`;
  const toolchain = await toolchainImage(environment);
  await pull(docker, toolchain, environment.REGISTRY_URL);
  const { BUILD_NPM_REGISTRY: npmRegistry, BUILD_CA_BUNDLE: bundle } = environment;
  const trusted =
    bundle === undefined
      ? ""
      : `COPY ca.pem ${certificates}\nENV NODE_EXTRA_CA_CERTS=${certificates} npm_config_cafile=${certificates}\n`;
  const context = await packTar({
    Dockerfile: `FROM ${toolchain}\nUSER root\n${trusted}ENV npm_config_registry=${npmRegistry}\n`,
    ...(bundle === undefined ? {} : { "ca.pem": await readFile(bundle) }),
  });
  await buildImage(docker, context, { t: tag, labels });
  return tag;
}

/** Reference of the toolchain image of releases, the same that the worker uses; it is made when it does not exist. */
async function toolchainImage(environment: BenchSlipway["environment"]): Promise<string> {
  await using opened = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "slipway-bench-"));
  opened.defer(() => rm(directory, { recursive: true, force: true }));
  const onError = (error: unknown) => {
    throw error;
  };
  const blobs = opened.use(await openFileBlobs({ directory, onError }));
  const registry = opened.use(openRegistry({ url: environment.REGISTRY_URL }));
  const now = () => new Date();
  const npm = openNpmRegistry({ url: environment.BUILD_NPM_REGISTRY, blobs, now, onError });
  const architecture = architectureOf(process.arch);
  const { signal } = new AbortController();
  const sources = { npm, now, architecture };
  const { version, npmVersion } = await resolveNode(sources, { wanted: "24.x" }, signal);
  const toolchains = openToolchains({ registry, stackImage: environment.STACK_IMAGE });
  const toolchain = nodeToolchain(sources, { nodeVersion: version, npmVersion });
  const { reference } = await toolchains.ensure(toolchain, signal);
  return reference;
}
