// Toolchains of apps: which Node.js and package manager, which Python and uv, which Go, PHP or Ruby, an app gets, and images with them.
//
//   const npm = openNpmRegistry({ url, blobs, now, onError });
//   const sources = { npm, now, architecture: architectureOf(process.arch) };
//   const node = await resolveNode(sources, { wanted: "22.x", wantedIn: ".nvmrc" }, signal);
//   const toolchain = nodeToolchain(sources, { nodeVersion: node.version, npmVersion: node.npmVersion });
//   const image = await openToolchains({ registry, stackImage }).ensure(toolchain, signal);

export { openNpmRegistry } from "./npm-registry.ts";
export type { NpmRegistry, NpmRegistryOptions } from "./npm-registry.ts";
export type { Packument, PackageVersion } from "./packument.ts";
export { architectureOf } from "./platform-packages.ts";
export type { Architecture } from "./platform-packages.ts";
export type { LayerPlan, Toolchain } from "./layer-plans.ts";
export { nodeToolchain } from "./node-layers.ts";
export type { NodeToolchain } from "./node-layers.ts";
export { resolveNode } from "./node-versions.ts";
export type { NodeChoice, NodeSources, NodeRequirement } from "./node-versions.ts";
export { resolvePackageManager } from "./package-managers.ts";
export type {
  PackageManagerChoice,
  PackageManagerName,
  PackageManagerRequirement,
} from "./package-managers.ts";
export { openPythonIndex } from "./python-index.ts";
export { pythonToolchains } from "./python-layers.ts";
export { openPythonMirror } from "./python-mirror.ts";
export { resolvePython, resolveUv } from "./python-versions.ts";
export { goToolchains } from "./go-layers.ts";
export { openGoProxy } from "./go-proxy.ts";
export type { GoProxy, GoProxyOptions } from "./go-proxy.ts";
export { openDistribution } from "./distribution.ts";
export type { Distribution, PackageContainers, PackageNames } from "./distribution.ts";
export type { PackageSets } from "./package-lists.ts";
export { fitsComposer } from "./composer-constraint.ts";
export { phpPackages, phpToolchains, phpVersions } from "./php-layers.ts";
export { rubyPackages, rubyToolchains, rubyVersions } from "./ruby-layers.ts";
export { resolveGo } from "./go-versions.ts";
export { openToolchains } from "./toolchains.ts";
export type { ToolchainImage, ToolchainOptions, Toolchains } from "./toolchains.ts";
