// Sets up an installation's services, supervises its processes, and removes both. The commands and the tools are built on it.

export { attempt } from "./attempt.ts";
export { bareEnvironment, inheritedEnvironment } from "./child-environment.ts";
export { takesOnly } from "./commands/arguments.ts";
export { claimRun, findRun } from "./commands/run-lock.ts";
export { runProgram } from "./commands/run-program.ts";
export { leftLines, print, runCommand, linePrinter } from "./commands/terminal.ts";
export {
  isUnattended,
  markTests,
  readConfig,
  readOwnConfig,
  settings as commandSettings,
  testMongoUrl,
} from "./config.ts";
export type { SetupConfig } from "./config.ts";
export { clearEngine } from "./engine/clear-engine.ts";
export { answeringEngine } from "./engine/engine-connection.ts";
export type { Engine } from "./engine/engine-connection.ts";
export { imageId, pullImage } from "./engine/engine-images.ts";
export { removeAll } from "./engine/engine-removal.ts";
export type { Kind } from "./engine/engine-removal.ts";
export { containers, guards, images, networks, volumes } from "./engine/engine-resources.ts";
export type { IsOurs } from "./engine/engine-resources.ts";
export { npmRegistry } from "./environment.ts";
export type { AppEnvironment } from "./environment.ts";
export { readText } from "./files.ts";
export { definitionHash, ensureBuilt, obstacleTo } from "./images/image-builder.ts";
export type { ImageDefinition } from "./images/image-builder.ts";
export { ensureLocalStack } from "./images/stack.ts";
export { adminTokenFile, installationId, rotateKeys } from "./installation.ts";
export { findProgram } from "./machine/find-program.ts";
export { isRoot, sharedLock } from "./machine/shared-folder.ts";
export { installPrograms } from "./machine/system-packages.ts";
export { stopTestProcesses } from "./marked-processes.ts";
export { step } from "./progress.ts";
export type { PrintLine, Step } from "./progress.ts";
export { collectRegistryGarbage } from "./registry-gc/registry-gc.ts";
export { repositoryRoot, testsOf } from "./repository.ts";
export { choosePort } from "./services/ports.ts";
export { redisRights } from "./services/redis-users.ts";
export type { RedisUser } from "./services/redis-users.ts";
export { registryConfiguration } from "./services/registry.ts";
export { runningProcess, stopProcess } from "./services/services.ts";
export { spawnService } from "./services/spawn-service.ts";
export type { Launched } from "./services/spawn-service.ts";
export { errorText, reasonOf, SetupError } from "./setup-error.ts";
export { setup } from "./setup.ts";
export { ensureConsole } from "./console-build.ts";
export { launchApp } from "./supervisor/app-process.ts";
export { appSpecs } from "./supervisor/app-specs.ts";
export type { AppProcess, LaunchedSpec } from "./supervisor/app-process.ts";
export { serverCommand } from "./supervisor/server-command.ts";
export { checkPorts, claimRunning, findRunning, stopOrphans, urls } from "./supervisor/running.ts";
export type { RunningSlipway } from "./supervisor/running.ts";
export { startApps } from "./supervisor/supervisor.ts";
export { tearDown } from "./teardown.ts";
