// The base image of the Dockerfiles: Slipway's own toolchain image, with the machine's npm registry and certificates.

import { readFile } from "node:fs/promises";
import { packTar } from "@slipway/testkit";
import { architectureOf, nodeToolchain, openNpmRegistry, resolveNode } from "@slipway/toolchains";
import { pull } from "../engine.ts";
import { buildImage } from "./docker-build.ts";
import type { BenchSlipway } from "../slipway.ts";
import { openToolchainParts } from "./toolchain-parts.ts";

const certificates = "/etc/ssl/bench-certificates.pem";

/** @returns the image's tag. The caller removes it. */
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

/** Reference of the toolchain image for releases, the same that the worker uses. The image is created when it does not exist. */
async function toolchainImage(environment: BenchSlipway["environment"]): Promise<string> {
  await using parts = await openToolchainParts(environment);
  const { blobs, now, onError, signal } = parts;
  const npm = openNpmRegistry({ url: environment.BUILD_NPM_REGISTRY, blobs, now, onError });
  const sources = { npm, now, architecture: architectureOf(process.arch) };
  const { version, npmVersion } = await resolveNode(sources, { wanted: "24.x" }, signal);
  const toolchain = nodeToolchain(sources, { nodeVersion: version, npmVersion });
  const { reference } = await parts.toolchainsOn(environment.STACK_IMAGE).ensure(toolchain, signal);
  return reference;
}
