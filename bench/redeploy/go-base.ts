// The base image of the Go app's Dockerfile: Slipway's own toolchain image for builds.

import { architectureOf, goToolchains, openGoProxy, resolveGo } from "@slipway/toolchains";
import { pull } from "../engine.ts";
import type { BenchSlipway } from "../slipway.ts";
import { openToolchainParts } from "./toolchain-parts.ts";

/** The worker's default values. */
const proxyUrl = "https://proxy.golang.org";
const checksumDatabase = "sum.golang.org";

/** @returns the image's reference in the registry, the same that the worker uses. The image is created when it does not exist. */
export async function goBase({ docker, environment }: BenchSlipway): Promise<string> {
  await using parts = await openToolchainParts(environment);
  const { blobs, now, onError, signal } = parts;
  const url = process.env["BUILD_GO_PROXY"] ?? proxyUrl;
  const proxy = openGoProxy({ url, checksumDatabase, blobs, now, onError });
  const sources = { proxy, architecture: architectureOf(process.arch) };
  const choice = await resolveGo(sources, { wanted: "1.24", wantedIn: "go.mod" }, signal);
  const { build } = goToolchains(sources, choice);
  const { reference } = await parts.toolchainsOn(environment.STACK_BUILD_IMAGE).ensure(build, signal);
  await pull(docker, reference, environment.REGISTRY_URL);
  return reference;
}
