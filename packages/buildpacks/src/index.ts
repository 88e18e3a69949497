// The buildpack API: the input of a build, its result, and how the result becomes a layer of an image.

export { bundledBuildpacks, type BuildFile, type BundledBuildpacks } from "./bundled.ts";
export { readBuilderImage, type BuilderImage } from "./cnb/builder-image.ts";
export { cnbProcesses, type CnbProcesses } from "./cnb/build-metadata.ts";
export { cnbDirectories, creatorCommand, creatorFailure, platformVariables } from "./cnb/lifecycle.ts";
export {
  descriptorControlFiles,
  readProjectDescriptor,
  type ProjectDescriptor,
} from "./cnb/project-descriptor.ts";
export {
  chooseBuilder,
  dockerfileControlFiles,
  dockerfilePath,
  type BuilderChoice,
} from "./choose-builder.ts";
export {
  buildEnvironment,
  caVariables,
  isProtectedName,
  releaseEnvironment,
  runEnvironment,
  type BuildEnvironment,
  type BuildPlatform,
  type RunPlatform,
} from "./environment.ts";
export { LAUNCH_SCRIPT, launchCommand } from "./launch.ts";
export { launchFiles, packagesScript } from "./launch-files.ts";
export type { Install } from "./language.ts";
export { languageTitles, type LanguagePlan } from "./languages.ts";
export { assetsError } from "./node/assets.ts";
export type { PackageHash } from "./node/package-manager-field.ts";
export type { PackageManagerRequirement } from "./node/package-manager.ts";
export type { NodeRequirement } from "./node/packages-plan.ts";
export type { NodePlan } from "./node/plan.ts";
export type { GoPlan, GoRequirement } from "./go/plan.ts";
export type { PhpPlan } from "./php/plan.ts";
export type { RubyPlan } from "./ruby/plan.ts";
export type { PythonPlan } from "./python/plan.ts";
export type { PythonRequirement } from "./python/version.ts";
export {
  controlFiles,
  scatteredFiles,
  plainPlan,
  planBuild,
  runnerArguments,
  type BuildPlan,
} from "./plan.ts";
export { projectDirectory, type PlanSource } from "./plan-source.ts";
export { requireWeb, processTypesOf, typesNotStarted, type ProcessTypes } from "./process-types.ts";
export { parseProcfile, type Procfile } from "./procfile.ts";
export { mergeReleases, type ReleaseOutput } from "./release-output.ts";
export { receiveResult, resultOf, type BuildResult, type ResultReceiver } from "./result.ts";
export { appOf } from "./result-app.ts";
export { parseBuildpackUrl, type BuildpackUrl } from "./remote/buildpack-url.ts";
export { parseCatalogue, type BuildpackCatalogue, type CataloguedBuildpack } from "./remote/catalogue.ts";
export { parseSlugIgnore, type SlugIgnore } from "./slug-ignore.ts";
export { slugTransform, type SlugOptions } from "./slug.ts";
